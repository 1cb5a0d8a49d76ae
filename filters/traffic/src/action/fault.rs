//! Faults put in on purpose: Istio's `HTTPFaultInjection`, compiled.

use crate::changes::Reply;
use crate::duration;
use crate::refusal::{Place, Refusal};
use crate::share::Share;
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
        let (delay, abort) = (place.field("delay"), place.field("abort"));
        Ok(Self {
            delay: written.delay.as_ref().map(|written| compile_delay(&delay, written)).transpose()?.flatten(),
            abort: written.abort.as_ref().map(|written| compile_abort(&abort, written)).transpose()?.flatten(),
        })
    }

    /// How long the request that draws these tickets waits, if it does.
    pub fn delay(&self, draw: impl FnOnce() -> Ticket) -> Option<Duration> {
        self.delay.filter(|(share, _)| *share == Share::ALL || share.takes(draw())).map(|(_, wait)| wait)
    }

    /// How long a request waits at the most.
    pub fn longest_delay(&self) -> Option<Duration> {
        self.delay.map(|(_, wait)| wait)
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

/// A delay; without a kind there is none (Istio, `TranslateFault`).
fn compile_delay(place: &Place<'_>, written: &written::FaultDelay) -> Result<Option<(Share, Duration)>, Refusal> {
    if written.exponential_delay.is_some() {
        return Err(place.field("exponentialDelay").refuse("is not implemented, by Istio neither"));
    }
    let older = written.percent.map(|percent| Share::compile(&place.field("percent"), percent as f64)).transpose()?;
    let newer = written.percentage.map(|value| Share::read(&place.field("percentage"), value)).transpose()?;
    let share = newer.or(older).unwrap_or(Share::NONE);
    let wait = written
        .fixed_delay
        .as_deref()
        .map(|wait| duration::milliseconds(&place.field("fixedDelay"), wait))
        .transpose()?;
    Ok(wait.map(|wait| (share, wait)))
}

/// An answer in the upstream's stead; without a kind there is none (Istio, `TranslateFault`).
fn compile_abort(place: &Place<'_>, written: &written::FaultAbort) -> Result<Option<(Share, Abort)>, Refusal> {
    if written.http2_error.is_some() {
        return Err(place.field("http2Error").refuse("is not implemented, by Istio neither"));
    }
    let abort = match (written.http_status, written.grpc_status.as_deref()) {
        (Some(status), None) => {
            // Istio, `validateHTTPStatus`.
            let code = u16::try_from(status).ok().filter(|code| (200..=600).contains(code));
            let reason = || place.field("httpStatus").refuse(format!("{status} is not a status code from 200 to 600"));
            Some(Abort::Http(code.ok_or_else(reason)?))
        }
        (None, Some(status)) => {
            // Istio, `validateGRPCStatus`: by name only.
            let number =
                GRPC_CODES.iter().position(|name| *name == status).and_then(|number| u8::try_from(number).ok());
            let reason =
                || place.field("grpcStatus").refuse(format!("{status} is not one of {}", GRPC_CODES.join(", ")));
            Some(Abort::Grpc(number.ok_or_else(reason)?))
        }
        (None, None) => None,
        (Some(_), Some(_)) => return Err(place.refuse("has both httpStatus and grpcStatus")),
    };
    let share = written.percentage.map(|value| Share::read(&place.field("percentage"), value)).transpose()?;
    Ok(abort.map(|abort| (share.unwrap_or(Share::NONE), abort)))
}
