//! The chart: what a request costs by the number of rules.

use crate::estimate::Added;
use crate::results::Results;
use crate::rules::{By, SIZES};
use crate::scenes::{CANARY, LUA, NOTHING, TABLE};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;

const SIZE: (u32, u32) = (960, 700);

/// The lines, each with its colour: they are told apart without seeing red or green, too.
const LINES: [(&str, RGBColor); 3] =
    [(TABLE, RGBColor(213, 94, 0)), (LUA, RGBColor(0, 114, 178)), (CANARY, RGBColor(0, 158, 115))];

/// The least that is shown: less is noise.
const LEAST: f64 = 1.0;

/// The chart as SVG.
///
/// # Errors
///
/// None in practice.
pub fn svg(results: &Results) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        // Pages may be dark; what is drawn is not.
        root.fill(&WHITE)?;
        let title = "CPU time that rules add to a request, in µs, by their number";
        let root = root.titled(title, ("sans-serif", 20))?;
        for (part, by) in root.split_evenly((2, 2)).iter().zip(By::ALL) {
            draw(part, results, by)?;
        }
        root.present()?;
    }
    Ok(text)
}

fn draw(part: &DrawingArea<SVGBackend<'_>, Shift>, results: &Results, by: By) -> Result<(), Box<dyn Error>> {
    let mut chart = ChartBuilder::on(part)
        .caption(by.name(), ("sans-serif", 15))
        .margin(8)
        .margin_right(28)
        .x_label_area_size(24)
        .y_label_area_size(48)
        .build_cartesian_2d((10.0..10_000.0_f64).log_scale(), (LEAST..5_000.0_f64).log_scale())?;
    let whole = |number: &f64| crate::tables::number(*number, 0);
    chart
        .configure_mesh()
        .x_labels(4)
        .y_labels(5)
        .x_label_formatter(&whole)
        .y_label_formatter(&whole)
        .max_light_lines(0)
        .draw()?;
    for (subject, color) in LINES {
        let added = |size: &usize| Some(Added::of(results, by.name(), *size, subject, NOTHING)?.cpu().max(LEAST));
        let points: Vec<(f64, f64)> = SIZES.iter().filter_map(|size| Some((*size as f64, added(size)?))).collect();
        chart
            .draw_series(LineSeries::new(points.clone(), color.stroke_width(2)))?
            .label(subject)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(BLACK.mix(0.3))
        .background_style(WHITE)
        .draw()?;
    Ok(())
}
