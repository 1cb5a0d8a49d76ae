//! Measures, and says what came of it.

use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};
use serin_bench::cores::{Cores, Worker};
use serin_bench::machine::machine;
use serin_bench::results::{Record, Results};
use serin_bench::round::rounds;
use serin_bench::rules::SIZES;
use serin_bench::shop::SUBSETS;
use serin_bench::stage::Stage;
use serin_bench::upstream::Upstream;
use serin_bench::{chart, page, scenes, starts, swaps, tables, targets, wrk};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Rules by the hundred, by requests.
    Rules,
    /// Splits and copies, by requests.
    Splits,
    /// Starts: CPU time and memory.
    Starts,
    /// Rules that are exchanged under load.
    Swaps,
}

/// What Serin's filters cost an Envoy, beside an empty filter, Lua and Envoy's own routes
#[derive(Parser)]
struct Arguments {
    /// Measure these only
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// How many rounds each subject has a turn in
    #[arg(long, default_value_t = 15, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
    rounds: usize,
    /// Write docs/cost.md, its chart and its results
    #[arg(long)]
    docs: bool,
    /// Measure nothing: take the results of this file
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// Where the results of a run are left, in the directory in which it runs.
const LEFT: &str = "target/bench";

/// The results, and their chart.
const RAW: &str = "cost.jsonl";
const CHART: &str = "cost.svg";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let results = match &arguments.from {
        Some(file) => Results::read(file)?,
        None => {
            let mut results = Results::default();
            let measured = measure(&arguments, &mut results).await;
            // What was measured before something went wrong is not lost.
            save(&results, Path::new(LEFT))?;
            measured?;
            results
        }
    };
    let directory = if arguments.docs { docs() } else { PathBuf::from(LEFT) };
    save(&results, &directory)?;
    show(&results);
    println!("The results are in {}, a chart of them in {CHART}.", directory.join(RAW).display());
    if arguments.docs {
        let page = directory.join("cost.md");
        fs::write(&page, page::filled(&fs::read_to_string(&page)?, &results)?)?;
        println!("{} says the same.", page.display());
    }
    Ok(())
}

/// Writes the results and their chart into a directory.
fn save(results: &Results, directory: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(directory)?;
    results.write(&directory.join(RAW))?;
    Ok(fs::write(directory.join(CHART), chart::svg(results)?)?)
}

/// The pages of the repository from which this was built.
fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// Prints all tables of which something was measured.
fn show(results: &Results) {
    let tables = [
        tables::rules(results),
        tables::crossings(results),
        tables::ten_rules(results),
        tables::by_wrk(results),
        tables::splits(results),
        tables::starts(results),
        tables::swaps(results),
        targets::judged(results),
    ];
    for table in tables.iter().filter(|table| !table.rows.is_empty()) {
        println!("{}", table.text());
    }
    if let Some(busy) = tables::busy(results) {
        println!("{busy}");
    }
}

async fn measure(arguments: &Arguments, results: &mut Results) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let say = |what: &str| eprintln!("serin: [{:4} s] {what}", started.elapsed().as_secs());
    let is_asked = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    results.0.push(Record::Machine(machine()));
    let cores = Cores::new()?;
    if cores.is_none() {
        say("there is one core only: the client takes the worker's time, and the figures mean little");
    }
    let leave = move || cores.as_ref().map_or(Ok(()), Cores::leave_the_workers);
    let upstream = Upstream::start(&SUBSETS, move || {
        // Where the thread may not choose its core, the figures say it: the worker is not busy.
        let _ = leave();
    })?;
    let asked_rules = if is_asked(Part::Rules) { &SIZES[..] } else { &[] };
    let asked_splits = is_asked(Part::Splits).then_some(None);
    for rules in asked_rules.iter().copied().map(Some).chain(asked_splits) {
        let mut stage = Stage::new(&upstream)?;
        let (title, subjects) = match rules {
            Some(rules) => (format!("{rules} rules"), scenes::rules(&mut stage, rules)?),
            None => (scenes::SPLITS.to_owned(), scenes::splits(&mut stage)?),
        };
        say(&format!("{title}: starting Envoy"));
        let envoy = stage.start(1).await?;
        let worker = Worker::alone(envoy.id(), cores.as_ref())?;
        let progress = |round| say(&format!("{title}: round {round} of {}", arguments.rounds));
        // The client has a thread of its own, which leaves the worker its core; processes that this thread starts later may use all.
        let client = || {
            leave().map_err(|error| error.to_string())?;
            let mut measured = rounds(&envoy, &worker, &upstream, &subjects, arguments.rounds, progress)
                .map_err(|error| error.to_string())?;
            if rules == Some(wrk::RULES) && wrk::is_installed() {
                say("the same by wrk");
                measured.extend(wrk::rounds(&envoy, &worker).map_err(|error| error.to_string())?);
            }
            Ok::<_, String>(measured)
        };
        let measured = thread::scope(|scope| scope.spawn(client).join()).map_err(|_| "the client broke")??;
        results.0.extend(measured.into_iter().map(Record::Requests));
        envoy.stop().await;
    }
    if is_asked(Part::Starts) {
        let all = starts::starts(&upstream, |what| say(&format!("starts: {what}"))).await?;
        results.0.extend(all.into_iter().map(Record::Starts));
    }
    if is_asked(Part::Swaps) {
        let all = swaps::swaps(&upstream, cores.as_ref(), |what| say(&format!("swaps: {what}"))).await?;
        results.0.extend(all.into_iter().map(Record::Swaps));
    }
    Ok(())
}
