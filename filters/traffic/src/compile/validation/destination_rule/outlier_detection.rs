//! What Istio refuses of outlier detection.

use super::durations;
use crate::refusal::{Place, Refusal};
use crate::share::Share;
use crate::written::OutlierDetection;

/// Istio: `validateOutlierDetection`.
pub(super) fn validate(place: &Place<'_>, outliers: &OutlierDetection) -> Result<(), Refusal> {
    durations(place, &[("baseEjectionTime", &outliers.base_ejection_time), ("interval", &outliers.interval)])?;
    let split = outliers.split_external_local_origin_errors == Some(true);
    if !split && outliers.consecutive_local_origin_failures.is_some_and(|number| number > 0) {
        let place = place.field("consecutiveLocalOriginFailures");
        return Err(place.refuse("has no effect: splitExternalLocalOriginErrors is not true"));
    }
    percent(&place.field("maxEjectionPercent"), outliers.max_ejection_percent)?;
    percent(&place.field("minHealthPercent"), outliers.min_health_percent)?;
    // The schema of the CRD.
    let mut codes = outliers.outlier_detection_http_error_codes.iter().enumerate();
    match codes.find(|(_, code)| !(100..=599).contains(*code)) {
        Some((index, code)) => {
            let place = place.field("outlierDetectionHttpErrorCodes");
            Err(place.index(index).refuse(format!("{code} is not a status code from 100 to 599")))
        }
        None => Ok(()),
    }
}

/// Istio: `ValidatePercent`.
fn percent(place: &Place<'_>, number: Option<i32>) -> Result<(), Refusal> {
    number.map_or(Ok(()), |number| Share::compile(place, number.into()).map(|_| ()))
}
