//! Answering the calls that filters make.

use crate::builder::lines;
use crate::proxy::Proxy;
use crate::response::{Response, response};
use crate::world::fields::Fields;
use crate::world::grpc_calls::GrpcCall;
use crate::world::http_calls::Call;
use std::borrow::Borrow;

/// What Envoy answers in the place of an upstream that cannot be reached (tried, 1.40).
const CONNECT_ERROR: &str =
    "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure";

/// What Envoy answers in the place of an upstream that takes too long.
const TIMEOUT: &str = "upstream request timeout";

impl Proxy {
    /// The HTTP calls to a cluster that wait for an answer, oldest first.
    pub fn calls_to(&self, cluster: &str) -> Vec<Call> {
        self.shared.world().http_calls.pending.iter().filter(|call| call.cluster == cluster).cloned().collect()
    }

    /// All HTTP calls that were ever made, answered or not, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.world().http_calls.made.clone()
    }

    /// Forgets the HTTP calls that are answered, for a test that lets a filter make a million of them.
    pub fn forget_answered_calls(&mut self) {
        let mut world = self.shared.world();
        world.http_calls.made = world.http_calls.pending.clone();
    }

    /// The one HTTP call to a cluster that waits for an answer.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one.
    #[track_caller]
    pub fn only_call_to(&self, cluster: &str) -> Call {
        let mut calls = self.calls_to(cluster);
        match (calls.pop(), calls.len()) {
            (Some(call), 0) => call,
            (last, others) => {
                let count = others + usize::from(last.is_some());
                let waiting: Vec<String> =
                    self.shared.world().http_calls.pending.iter().map(|call| call.cluster.clone()).collect();
                panic!("{count} calls to {cluster} wait for an answer, of calls to {waiting:?}{}", lines(&self.log()))
            }
        }
    }

    /// Answers an HTTP call. As in Envoy, the answer goes to the plugin context that made it, whether or not the stream
    /// that it was made for is still there.
    ///
    /// # Panics
    ///
    /// If the call does not wait for an answer.
    #[track_caller]
    pub fn answer(&mut self, call: impl Borrow<Call>, response: Response) {
        let call = call.borrow();
        let waiting = self.deliver_response(call.token, response);
        assert!(waiting, "the call to {} does not wait for an answer any more", call.cluster);
    }

    /// Lets an HTTP call fail because its cluster cannot be reached: Envoy answers 503 in its place.
    ///
    /// # Panics
    ///
    /// If the call does not wait for an answer.
    #[track_caller]
    pub fn fail(&mut self, call: impl Borrow<Call>) {
        self.answer(call, response(503).header("content-type", "text/plain").body(CONNECT_ERROR));
    }

    /// Resets an HTTP call without an answer, as Envoy does when one is too big: the filter is called back with no headers.
    ///
    /// # Panics
    ///
    /// If the call does not wait for an answer.
    #[track_caller]
    pub fn reset(&mut self, call: impl Borrow<Call>) {
        self.shared.world().delivery.status = (RESET, "reset".to_owned());
        self.answer(call, Response::nothing());
        self.shared.world().delivery.status = Default::default();
    }

    pub(crate) fn time_out(&mut self, token: u32) {
        self.deliver_response(token, response(504).header("content-type", "text/plain").body(TIMEOUT));
    }

    fn deliver_response(&mut self, token: u32, response: Response) -> bool {
        let Some(call) = self.shared.world().http_calls.take(token) else { return false };
        let root = call.root;
        let sizes = [response.headers.len(), response.body.len(), response.trailers.len()].map(|size| size as u32);
        self.shared.world().delivery.response = Some(response);
        self.call_root(root, "proxy_on_http_call_response", &[root.context, token, sizes[0], sizes[1], sizes[2]]);
        self.shared.world().delivery.response = None;
        self.settle();
        true
    }

    /// The gRPC calls and streams that are open, oldest first.
    pub fn grpc_calls(&self) -> Vec<GrpcCall> {
        self.shared.world().grpc_calls.open.clone()
    }

    /// The one gRPC call or stream to a cluster that is open.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one.
    #[track_caller]
    pub fn only_grpc_call_to(&self, cluster: &str) -> GrpcCall {
        let mut calls = self.grpc_calls();
        calls.retain(|call| call.cluster == cluster);
        match <[GrpcCall; 1]>::try_from(calls) {
            Ok([call]) => call,
            Err(calls) => panic!("{} gRPC calls to {cluster} are open{}", calls.len(), lines(&self.log())),
        }
    }

    /// Sends the initial metadata of a gRPC answer.
    pub fn grpc_initial_metadata(&mut self, call: impl Borrow<GrpcCall>, metadata: Fields) {
        let call = call.borrow();
        let arguments = [call.root.context, call.token, metadata.len() as u32];
        self.shared.world().delivery.grpc_initial_metadata = Some(metadata);
        self.call_grpc(call, "proxy_on_grpc_receive_initial_metadata", &arguments);
    }

    /// Sends a gRPC message; it is the answer of a single call, which is over then.
    pub fn grpc_message(&mut self, call: impl Borrow<GrpcCall>, message: impl Into<Vec<u8>>) {
        let (call, message) = (call.borrow(), message.into());
        let arguments = [call.root.context, call.token, message.len() as u32];
        self.shared.world().delivery.grpc_message = Some(message);
        self.call_grpc(call, "proxy_on_grpc_receive", &arguments);
        if !call.streaming {
            let _ = self.shared.world().grpc_calls.cancel(call.token);
        }
    }

    /// Sends the trailing metadata of a gRPC answer.
    pub fn grpc_trailing_metadata(&mut self, call: impl Borrow<GrpcCall>, metadata: Fields) {
        let call = call.borrow();
        let arguments = [call.root.context, call.token, metadata.len() as u32];
        self.shared.world().delivery.grpc_trailing_metadata = Some(metadata);
        self.call_grpc(call, "proxy_on_grpc_receive_trailing_metadata", &arguments);
    }

    /// Ends a gRPC call or stream with a status and a message.
    pub fn grpc_close(&mut self, call: impl Borrow<GrpcCall>, status: u32, message: &str) {
        let call = call.borrow();
        self.shared.world().delivery.status = (status, message.to_owned());
        self.call_grpc(call, "proxy_on_grpc_close", &[call.root.context, call.token, status]);
        let _ = self.shared.world().grpc_calls.cancel(call.token);
    }

    /// Nothing reaches a filter for a call that it has cancelled itself.
    fn call_grpc(&mut self, call: &GrpcCall, name: &'static str, arguments: &[u32]) {
        let open = self.shared.world().grpc_calls.find(call.token).is_ok();
        if open {
            self.call_root(call.root, name, arguments);
        }
        self.shared.world().delivery = Default::default();
        self.settle();
    }
}

/// The status code of a call that was reset (cpp-host `WasmResult::BrokenConnection`).
const RESET: u32 = 11;
