//! When an endpoint is left out for a while, as people write it.

use crate::record;

/// When an endpoint is left out for a while.
#[derive(Clone, Debug, Default)]
pub struct OutlierDetection {
    /// Answers of 5xx in a row that do it.
    pub consecutive5xx_errors: Option<u32>,
    /// The same, as it was written before.
    pub consecutive_errors: Option<i32>,
    /// Answers of 502, 503, 504 in a row that do it.
    pub consecutive_gateway_errors: Option<u32>,
    /// Failures to connect in a row that do it.
    pub consecutive_local_origin_failures: Option<u32>,
    /// Whether failures to connect are counted apart.
    pub split_external_local_origin_errors: Option<bool>,
    /// How often it is looked.
    pub interval: Option<String>,
    /// How long an endpoint is left out at the least.
    pub base_ejection_time: Option<String>,
    /// The share of endpoints that may be left out, in percent.
    pub max_ejection_percent: Option<i32>,
    /// The share of endpoints that must be healthy, in percent.
    pub min_health_percent: Option<i32>,
    /// Status codes that count.
    pub outlier_detection_http_error_codes: Vec<u32>,
    /// The share of failed requests that leaves an endpoint out, in percent.
    pub failure_percentage_threshold: Option<u32>,
}

record! {
    OutlierDetection {
        consecutive5xx_errors, consecutive_errors, consecutive_gateway_errors,
        consecutive_local_origin_failures, split_external_local_origin_errors, interval, base_ejection_time,
        max_ejection_percent, min_health_percent, outlier_detection_http_error_codes,
        failure_percentage_threshold,
    }
}
