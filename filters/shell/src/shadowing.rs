//! shadow-mirror's part in a request and its answer; canary plays it too.

use crate::collections::Key;
use crate::copies::{Copies, Places, Routed, Terms};
use crate::counts::Owner;
use crate::delays::Held;
use crate::hostcall::{self, Bytes, Side};
use crate::memory::Purpose;
use crate::mirrored::OfRule;
use crate::pairs;
use crate::plugin::Plugin;
use crate::primary::Primary;
use crate::series::Series;
use serin_traffic::shadow::{Body, Original, Reason, Shadow};
use serin_traffic::{CopyTo, CopyWay};
use std::rc::Rc;

/// The copies of one request, from its headers to its answer.
#[derive(Default)]
pub(crate) struct Shadowing {
    /// The body is being collected.
    collecting: Option<Key>,
    /// Copies may still be sent, unless the request is found to have gone nowhere.
    routed: Option<Routed>,
    answer: Option<Answer>,
}

/// The answer that shadows are compared with, as it passes.
struct Answer {
    primary: Rc<Primary>,
    status: Option<u16>,
    body: Body,
}

impl Shadowing {
    /// Sends, or has `slot` send, what is to be copied of the request, which is as its upstream sees it. `whole` says that it
    /// has no body; `held`, that it waits before it goes on.
    #[inline(never)]
    pub(crate) fn copy(
        &mut self,
        plugin: &Plugin,
        owner: Owner<'_>,
        copies: &[CopyTo<'_>],
        whole: bool,
        held: Option<&Held>,
        mut slot: impl FnMut(usize, &str),
    ) {
        let of_rule = owner.rule.map_or_else(Rc::default, |rule| plugin.mirrored.of(rule));
        let mut called: Vec<Rc<Series>> = Vec::new();
        for CopyTo { cluster, way } in copies {
            let series = of_rule.series(owner.names, cluster);
            match way {
                CopyWay::Dropped(reason) => series.dropped(*reason),
                CopyWay::Slot(number) => {
                    series.sent(&plugin.counts);
                    slot(*number, cluster);
                }
                CopyWay::Callout => called.push(series),
            }
        }
        if let Some(shadow) =
            owner.rule.and_then(|rule| plugin.policy.rule(rule)?.shadow()).filter(|_| !called.is_empty())
        {
            self.collect(plugin, shadow, &of_rule, called, whole, held);
        }
    }

    fn collect(
        &mut self,
        plugin: &Plugin,
        shadow: &Shadow,
        of_rule: &OfRule,
        mirrors: Vec<Rc<Series>>,
        whole: bool,
        held: Option<&Held>,
    ) {
        let headers = hostcall::headers(Side::Request).map(pairs::headers).unwrap_or_default();
        // While a request waits, the proxy keeps its body: neither its client nor its upstream is slow then.
        let since = held.map_or(0, Held::until).max(hostcall::now().unwrap_or_default());
        let primary = shadow.compare.map(|compared| Rc::new(Primary::new(compared, &headers, since)));
        let routed = Routed::default();
        let terms = Terms {
            places: Places::new(&of_rule.in_flight, shadow.max_in_flight),
            timeout: shadow.timeout,
            primary: primary.clone(),
            routed: routed.clone(),
        };
        let purpose = if whole { Purpose::UnderWay } else { Purpose::Collected };
        let Some(copies) = Copies::new(purpose, mirrors, Original(&headers).copied(shadow), terms) else {
            return;
        };
        match held {
            Some(held) if whole => held.put(copies),
            None if whole => plugin.outbox.put(copies),
            _ => self.collecting = Some(plugin.collections.begin(copies, shadow.max_body_bytes, since)),
        }
        self.routed = Some(routed);
        self.answer = primary.map(|primary| Answer { primary, status: None, body: Body::default() });
    }

    /// Takes in the part of the request's body that is passing; `last` says that it is the last.
    pub(crate) fn request_body(&mut self, plugin: &Plugin, size: usize, last: bool) {
        let Some(key) = self.collecting else {
            return;
        };
        if !plugin.collections.push(key, size, |take| hostcall::parts(Bytes::Request, size, take)) {
            self.collecting = None;
            self.answer = None;
        } else if last {
            self.send(plugin, Vec::new());
        }
    }

    /// The request is whole with its trailers.
    pub(crate) fn request_trailers(&mut self, plugin: &Plugin) {
        if self.collecting.is_some() {
            let trailers = hostcall::headers(Side::RequestTrailers).map(pairs::headers).unwrap_or_default();
            let text = |(name, value): (&[u8], &[u8])| (String::from_utf8_lossy(name).into_owned(), value.to_vec());
            self.send(plugin, trailers.iter().map(text).collect());
        }
    }

    /// Takes in the head of the answer; `last` says that there is no body.
    pub(crate) fn response_headers(&mut self, plugin: &Plugin, last: bool) {
        self.find_out_whether_routed(plugin);
        if let Some(answer) = &mut self.answer {
            answer.status = hostcall::response_headers().map(pairs::headers).ok().and_then(|headers| headers.status());
        }
        if last {
            self.response_end(plugin);
        }
    }

    /// Takes in the part of the answer's body that is passing; `last` says that it is the last.
    pub(crate) fn response_body(&mut self, plugin: &Plugin, size: usize, last: bool) {
        if let Some(answer) = &mut self.answer {
            hostcall::parts(Bytes::Response, size, &mut |part| answer.body.push(part));
        }
        if last {
            self.response_end(plugin);
        }
    }

    /// The answer is whole.
    pub(crate) fn response_end(&mut self, plugin: &Plugin) {
        if let Some(Answer { primary, status: Some(status), body }) = self.answer.take() {
            primary.answered(status, &body, plugin.outbox.draws());
        }
    }

    /// The stream has ended: what was not whole by then is not sent.
    pub(crate) fn end(&mut self, plugin: &Plugin) {
        if let Some(key) = self.collecting.take() {
            plugin.collections.drop_for(key, Reason::Aborted);
        }
    }

    /// The request went to no upstream, so its copies go nowhere either.
    pub(crate) fn unrouted(&mut self, plugin: &Plugin) {
        if let Some(routed) = self.routed.take() {
            routed.deny();
            if let Some(key) = self.collecting.take() {
                plugin.collections.drop_for(key, Reason::Unrouted);
            }
        }
    }

    /// Envoy's router copies no request that it sends nowhere: one without cluster or healthy host, or one that another filter
    /// answers. Once there is an answer it is known; one that came at once is known before the copies are sent.
    fn find_out_whether_routed(&mut self, plugin: &Plugin) {
        if self.routed.is_some() && hostcall::property(&["upstream", "address"]).is_none() {
            self.unrouted(plugin);
        }
        self.routed = None;
    }

    fn send(&mut self, plugin: &Plugin, trailers: Vec<(String, Vec<u8>)>) {
        let Some(mut copies) = self.collecting.take().and_then(|key| plugin.collections.take(key)) else {
            return;
        };
        match copies.end_with(trailers) {
            Ok(()) => plugin.outbox.put(copies),
            Err(reason) => copies.drop_for(reason),
        }
    }
}
