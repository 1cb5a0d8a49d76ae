//! Faults put in on purpose: Istio's `HTTPFaultInjection`, compiled.

use super::duration;
use crate::changes::Reply;
use crate::compile::percent;
use crate::mirror::Share;
use crate::refusal::{Place, Refusal};
use crate::split::Ticket;
use crate::written;
use std::time::Duration;

/// The names of gRPC's status codes, in the order of their numbers.
const GRPC_CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// A wait and an answer in the upstream's stead, each for a share of the requests.
#[derive(Clone, Debug, Default)]
pub struct Fault {
    delay: Option<(Share, Duration)>,
    abort: Option<(Share, Abort)>,
}

#[derive(Clone, Copy, Debug)]
enum Abort {
    Http(u16),
    Grpc(u8),
}

impl Fault {
    pub(crate) fn compile(place: &Place<'_>, written: &written::Fault) -> Result<Self, Refusal> {
        if written.delay.is_none() && written.abort.is_none() {
            return Err(place.refuse("must have delay or abort"));
        }
        Ok(Self {
            delay: written.delay.as_ref().map(|delay| compile_delay(&place.field("delay"), delay)).transpose()?,
            abort: written.abort.as_ref().map(|abort| compile_abort(&place.field("abort"), abort)).transpose()?,
        })
    }

    /// How long the request that draws these tickets waits, if it does.
    pub fn delay(&self, draw: impl FnOnce() -> Ticket) -> Option<Duration> {
        self.delay.filter(|(share, _)| *share == Share::ALL || share.takes(draw())).map(|(_, wait)| wait)
    }

    /// The answer that the request gets which draws these tickets, if it gets one.
    pub fn abort(&self, draw: impl FnOnce() -> Ticket) -> Option<Reply> {
        let (_, abort) = self.abort.filter(|(share, _)| *share == Share::ALL || share.takes(draw()))?;
        let reply = Reply { body: b"fault filter abort".to_vec(), details: "serin_fault_abort", ..Reply::default() };
        Some(match abort {
            Abort::Http(status) => Reply { status, ..reply },
            Abort::Grpc(code) => Reply { status: 200, grpc_status: Some(code), ..reply },
        })
    }
}

fn compile_delay(place: &Place<'_>, written: &written::FaultDelay) -> Result<(Share, Duration), Refusal> {
    if written.exponential_delay.is_some() {
        return Err(place.field("exponentialDelay").refuse("is not implemented, by Istio neither"));
    }
    let wait = written.fixed_delay.as_deref().ok_or_else(|| place.refuse("must have fixedDelay"))?;
    let wait = duration(&place.field("fixedDelay"), wait)?;
    let older = written.percent.map(|percent| written::Percent { value: percent as f64 });
    let older = older.map(|value| crate::compile::percent_at(&place.field("percent"), value)).transpose()?;
    let newer = written.percentage.map(|value| percent(&place.field("percentage"), value)).transpose()?;
    Ok((newer.or(older).unwrap_or(Share::NONE), wait))
}

fn compile_abort(place: &Place<'_>, written: &written::FaultAbort) -> Result<(Share, Abort), Refusal> {
    if written.http2_error.is_some() {
        return Err(place.field("http2Error").refuse("is not implemented, by Istio neither"));
    }
    let abort = match (written.http_status, written.grpc_status.as_deref()) {
        (Some(status), None) => {
            // Istio, `validateHTTPStatus`.
            let code = u16::try_from(status).ok().filter(|code| (200..=600).contains(code));
            let reason = || place.field("httpStatus").refuse(format!("{status} is not a status code from 200 to 600"));
            Abort::Http(code.ok_or_else(reason)?)
        }
        (None, Some(status)) => {
            let by_name = GRPC_CODES.iter().position(|name| *name == status);
            let number = by_name.or_else(|| status.parse().ok().filter(|number| *number < GRPC_CODES.len()));
            let number = number.and_then(|number| u8::try_from(number).ok());
            let reason = || place.field("grpcStatus").refuse(format!("{status} is not a status of gRPC"));
            Abort::Grpc(number.ok_or_else(reason)?)
        }
        (None, None) => return Err(place.refuse("must have httpStatus or grpcStatus")),
        (Some(_), Some(_)) => return Err(place.refuse("has both httpStatus and grpcStatus")),
    };
    let share = written.percentage.map(|value| percent(&place.field("percentage"), value)).transpose()?;
    Ok((share.unwrap_or(Share::NONE), abort))
}
