//! The chain: how parts of a message pass the filters, and what each answer of a filter does to them.

use crate::cost::{Cost, Hostcall};
use crate::proxy::Proxy;
use crate::response::Reply;
use crate::world::After;
use crate::world::context::{Context, RootId, StreamId};
use crate::world::fields::Fields;
use crate::world::logging::Level;
use crate::world::streams::{Direction, Hold, Part, Server};

/// What filters return (cpp-host `FilterHeadersStatus`, `FilterDataStatus`). Anything else stops, as in cpp-host.
const CONTINUE: u32 = 0;
const STOP_ITERATION: u32 = 1;
const CONTINUE_AND_END_STREAM: u32 = 2;
const STOP_WITHOUT_BUFFERING: u32 = 3;

/// Envoy's details of the 503 for a filter that has failed.
const FAIL_STREAM: &str = "wasm_fail_stream";

/// A guest has trapped; the log says how.
struct Failed;

impl Proxy {
    /// Lets everything happen that can: what callbacks asked for, then parts that can move, until all is quiet.
    pub(crate) fn settle(&mut self) {
        loop {
            let next = {
                let mut world = self.shared.world();
                (!world.after.is_empty()).then(|| world.after.remove(0))
            };
            if let Some(after) = next {
                self.perform(after);
                continue;
            }
            let Some(&stream) = self.awake.first() else { return };
            if !self.move_one(stream) {
                self.awake.remove(&stream);
            }
        }
    }

    fn perform(&mut self, after: After) {
        match after {
            After::Continue(id, place, direction) => {
                if let Some(stream) = self.shared.world().stream_mut(id) {
                    stream.release(direction, place);
                }
                self.awake.insert(id);
            }
            After::Reply(id, reply) => {
                if let Some(stream) = self.shared.world().stream_mut(id) {
                    stream.reply(reply);
                }
                self.awake.insert(id);
            }
            After::Reset(id) => {
                if let Some(stream) = self.shared.world().stream_mut(id) {
                    stream.reset = true;
                    stream.discard(Direction::Request);
                    stream.discard(Direction::Response);
                    stream.details.get_or_insert_with(|| FAIL_STREAM.to_owned());
                }
            }
            After::QueueReady(root, token) => {
                self.call_root(root, "proxy_on_queue_ready", &[root.context, token]);
            }
            After::Done(root) => self.delete_root(root),
        }
    }

    /// Gives one part to one filter; false if no part of the stream can move.
    fn move_one(&mut self, id: StreamId) -> bool {
        let next = {
            let mut world = self.shared.world();
            let Some(stream) = world.stream_mut(id) else { return false };
            let direction = if stream.passes(Direction::Request) { Direction::Request } else { Direction::Response };
            // A response does not stop the rest of the request from passing.
            let next = stream.next_part(direction).map(|(place, part)| (direction, place, part));
            next.or_else(|| stream.next_part(Direction::Request).map(|(place, part)| (Direction::Request, place, part)))
                .map(|(direction, place, part)| (direction, place, part, stream.worker, stream.stages[place].server))
        };
        let Some((direction, place, part, worker, server)) = next else { return false };
        match server {
            None => self.pass_on(id, direction, place, part),
            // A filter that has not seen the request sees nothing of the response.
            Some(server) if direction == Direction::Response && server.context.is_none() => {
                self.pass_on(id, direction, place, part);
            }
            Some(server) => {
                if self.deliver(id, direction, place, worker, server, &part).is_err() {
                    self.fail_stream(id, direction, place, worker, part);
                }
            }
        }
        true
    }

    fn pass_on(&mut self, id: StreamId, direction: Direction, place: usize, part: Part) {
        if let Some(stream) = self.shared.world().stream_mut(id) {
            stream.pass_on(direction, place, part);
        }
    }

    fn deliver(
        &mut self,
        id: StreamId,
        direction: Direction,
        place: usize,
        worker: usize,
        server: Server,
        part: &Part,
    ) -> Result<(), Failed> {
        if self.workers[worker].vms[server.vm].failed {
            return Err(Failed);
        }
        let context = match server.context {
            Some(context) => context,
            None => self.create_context(id, place, worker, server)?,
        };
        let (name, arguments) = {
            let mut world = self.shared.world();
            let Some(stream) = world.stream_mut(id) else { return Ok(()) };
            open(direction, place, part, stream, context)
        };
        let returned = self.call_stream(worker, server.vm, context, name, &arguments)?;
        let mut world = self.shared.world();
        let replied = world.after.iter().any(|after| matches!(after, After::Reply(stream, _) if *stream == id));
        let Some(stream) = world.stream_mut(id) else { return Ok(()) };
        let allow_stop_iteration = self.workers[worker].links[place].plugin.allow_on_headers_stop_iteration;
        // A filter that has answered itself stops the request, whatever it returns.
        let returned = if replied { u32::MAX } else { returned.unwrap_or(CONTINUE) };
        let gate = stream.stages[place].gate(direction);
        match part {
            Part::Headers { end } => match returned {
                CONTINUE | CONTINUE_AND_END_STREAM => {
                    gate.headers_open = false;
                    stream.pass_on(direction, place, part.clone());
                }
                STOP_ITERATION if allow_stop_iteration => {
                    (gate.hold, gate.headers_held) = (Some(Hold::Headers), Some(*end));
                }
                _ => (gate.hold, gate.headers_held) = (Some(Hold::Everything), Some(*end)),
            },
            Part::Body { end, .. } => {
                gate.body_end = *end;
                gate.body_held = true;
                match returned {
                    // Continuing from a body continues the headers as well, and what was buffered before.
                    CONTINUE => stream.release(direction, place),
                    STOP_WITHOUT_BUFFERING.. => gate.body.clear(),
                    _ => {}
                }
            }
            Part::Trailers => {
                gate.trailers_held = true;
                if returned == CONTINUE {
                    stream.release(direction, place);
                }
            }
        }
        Ok(())
    }

    /// What a failed VM does to a stream (cpp-host `CHECK_FAIL`, Envoy `failStream`).
    fn fail_stream(&mut self, id: StreamId, direction: Direction, place: usize, worker: usize, part: Part) {
        let goes_on = self.workers[worker].links[place].policy == crate::FailurePolicy::LegacyOpen;
        let mut world = self.shared.world();
        let Some(stream) = world.stream_mut(id) else { return };
        if goes_on {
            let gate = stream.stages[place].gate(direction);
            // The body in the gate is this part and what was held before it.
            let was_given = gate.body_open;
            match part {
                Part::Body { end, .. } if was_given => (gate.body_held, gate.body_end) = (true, end),
                part => {
                    stream.release(direction, place);
                    return stream.pass_on(direction, place, part);
                }
            }
            return stream.release(direction, place);
        }
        if stream.replied {
            return stream.pass_on(direction, place, part);
        }
        let details = FAIL_STREAM.to_owned();
        stream.reply(Reply { status: 503, headers: Fields::new(), body: Vec::new(), details });
    }

    fn create_context(&mut self, id: StreamId, place: usize, worker: usize, server: Server) -> Result<u32, Failed> {
        let plugin = self.workers[worker].links[place].plugin.clone();
        let vm = &mut self.workers[worker].vms[server.vm];
        // The plug-in as it was when the stream began, even if it has been configured again since.
        let plugin = vm.context(server.root).map_or(plugin, |root| root.plugin.clone());
        let root = RootId { worker, vm: server.vm, context: server.root };
        let context = vm.new_context(|_| Context { root, plugin, stream: Some((id, place)) });
        if let Some(stream) = self.shared.world().stream_mut(id)
            && let Some(server) = &mut stream.stages[place].server
        {
            server.context = Some(context);
        }
        self.call_stream(worker, server.vm, context, "proxy_on_context_create", &[context, server.root])?;
        Ok(context)
    }

    /// Calls back for a stream context and books the cost to its stream.
    fn call_stream(
        &mut self,
        worker: usize,
        vm: usize,
        context: u32,
        name: &'static str,
        arguments: &[u32],
    ) -> Result<Option<u32>, Failed> {
        let vm = &mut self.workers[worker].vms[vm];
        if vm.failed {
            return Err(Failed);
        }
        let asked = self.shared.world().after.len();
        let called = vm.call(context, name, arguments);
        let Some(who) = vm.context(context).cloned() else { return Err(Failed) };
        let mut world = self.shared.world();
        if let Some(stream) = world.stream_of(&who) {
            stream.fuel += called.fuel;
            let hostcall = |hostcall| Hostcall { filter: who.plugin.name.clone(), callback: name, name: hostcall };
            stream.hostcalls.extend(called.hostcalls.into_iter().map(hostcall));
            if self.metered && called.fuel > 0 {
                stream.costs.push(Cost { filter: who.plugin.name.clone(), callback: name, fuel: called.fuel });
            }
        }
        called.returned.map_err(|trap| {
            // What the guest had asked for before it trapped does not happen any more.
            world.after.truncate(asked);
            world.say(&who, Level::Critical, trap);
            Failed
        })
    }

    /// Calls back for a plugin context, if it is still there; what it returned.
    pub(crate) fn call_root(&mut self, root: RootId, name: &'static str, arguments: &[u32]) -> Option<u32> {
        let vm = self.workers[root.worker].vms.get_mut(root.vm).filter(|vm| !vm.failed)?;
        let who = vm.context(root.context)?.clone();
        let asked = self.shared.world().after.len();
        match vm.call(root.context, name, arguments).returned {
            Ok(returned) => returned,
            Err(trap) => {
                let mut world = self.shared.world();
                world.after.truncate(asked);
                world.say(&who, Level::Critical, trap);
                None
            }
        }
    }

    /// The end of a stream: the access log of every filter, then `proxy_on_done` and `proxy_on_delete`.
    pub(crate) fn end_stream(&mut self, id: StreamId) {
        let (worker, servers) = {
            let mut world = self.shared.world();
            let Some(stream) = world.stream_mut(id) else { return };
            stream.logging = true;
            (stream.worker, stream.stages.iter().map(|stage| stage.server).collect::<Vec<_>>())
        };
        let mut contexts = Vec::new();
        for (place, server) in servers.into_iter().enumerate() {
            let Some(server) = server.filter(|server| !self.workers[worker].vms[server.vm].failed) else { continue };
            // Envoy makes the context for the log if the request never came as far as this filter.
            let context = server.context.map_or_else(|| self.create_context(id, place, worker, server), Ok);
            let Ok(context) = context else { continue };
            if self.call_stream(worker, server.vm, context, "proxy_on_log", &[context]).is_ok() {
                contexts.push((server.vm, context));
            }
            self.settle();
        }
        for (vm, context) in contexts {
            let done = self.call_stream(worker, vm, context, "proxy_on_done", &[context]);
            if done.is_ok() {
                let _ = self.call_stream(worker, vm, context, "proxy_on_delete", &[context]);
            }
            self.settle();
            self.workers[worker].vms[vm].remove_context(context);
        }
    }
}

/// Opens the gate for a part, and says which callback it is.
fn open(
    direction: Direction,
    place: usize,
    part: &Part,
    stream: &mut crate::world::streams::Stream,
    context: u32,
) -> (&'static str, Vec<u32>) {
    let message = match direction {
        Direction::Request => Some(&stream.request),
        Direction::Response => stream.response.as_ref(),
    };
    let headers = message.map_or(0, |message| message.headers.len()) as u32;
    let trailers = message.map_or(0, |message| message.trailers.len()) as u32;
    let gate = stream.stages[place].gate(direction);
    let request = direction == Direction::Request;
    match part {
        Part::Headers { end } => {
            gate.headers_open = true;
            let name = if request { "proxy_on_request_headers" } else { "proxy_on_response_headers" };
            (name, vec![context, headers, u32::from(*end)])
        }
        Part::Body { bytes, end } => {
            gate.body_open = true;
            gate.body.extend(bytes);
            let name = if request { "proxy_on_request_body" } else { "proxy_on_response_body" };
            (name, vec![context, gate.body.len() as u32, u32::from(*end)])
        }
        Part::Trailers => {
            gate.trailers_open = true;
            let name = if request { "proxy_on_request_trailers" } else { "proxy_on_response_trailers" };
            (name, vec![context, trailers])
        }
    }
}
