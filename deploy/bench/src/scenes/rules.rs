//! Rules by the hundred, and a filter's hostcalls one by one.

use super::{CANARY, CHAIN, EMPTY, HEADER_ROUTER, LUA, NOTHING, TABLE, everything, modules};
use crate::listener::Action;
use crate::lua;
use crate::round::{Expected, Subject};
use crate::rules::{By, SIZES};
use crate::shop::{CHOSEN, cluster};
use crate::stage::Stage;
use crate::wasm::{Asks, module};
use serde_json::Value;
use std::error::Error;

/// What a filter costs by the hostcalls that it makes; each makes those of the line before it, too.
pub const HOSTCALLS: [(Asks, &str); 5] = [
    (Asks::Nothing, EMPTY),
    (Asks::Headers, "+ asks for all headers"),
    (Asks::Publishes, "+ publishes a text"),
    (Asks::Cluster, "+ sets the cluster"),
    (Asks::Cluster, FLOOR),
];

/// The hostcalls of canary, and the routes that are rendered for it, without a decision: always the same cluster.
pub const FLOOR: &str = "+ routes that look at both";

/// What of [`HOSTCALLS`] is measured beside so many rules. It does not depend on them: all beside the fewest, one to compare
/// with the others beside more.
fn hostcalls(rules: usize) -> &'static [(Asks, &'static str)] {
    if rules == SIZES[0] { &HOSTCALLS } else { &HOSTCALLS[..1] }
}

fn to_chosen(action: &Action) -> Vec<Value> {
    everything(action.to(&cluster(CHOSEN)))
}

/// An Envoy with so many rules, written in all ways. It replies itself, so that no service is in the numbers.
///
/// # Errors
///
/// What the system says.
pub fn rules(stage: &mut Stage, rules: usize) -> Result<Vec<Subject>, Box<dyn Error>> {
    let listener = stage.plain(NOTHING, |action| to_chosen(&action))?.replying();
    stage.add(listener);
    for (asks, name) in hostcalls(rules) {
        let filter = stage.filter(name, &module(*asks, &cluster(CHOSEN), "")?)?;
        let listener = match *name {
            FLOOR => stage.rendered(name, &[], &[])?,
            _ => stage.plain(name, |action| to_chosen(&action))?,
        };
        stage.add(listener.with_filter(filter).replying());
    }
    let mut subjects = Vec::new();
    for by in By::ALL {
        let mut subject = |name: &'static str, listener: String| {
            subjects.push(Subject {
                scene: by.name(),
                rules,
                name,
                listener,
                requests: vec![by.request(rules)],
                expected: Expected::All(CHOSEN),
                copied: false,
            });
        };
        subject(NOTHING, NOTHING.to_owned());
        let is_fullest = by == By::Header;
        if is_fullest {
            for (_, name) in hostcalls(rules) {
                subject(name, (*name).to_owned());
            }
        }
        let names = [TABLE, LUA, HEADER_ROUTER, CANARY, CHAIN];
        for name in &names[..if is_fullest { 5 } else { 4 }] {
            let listener_name = by.listener_of(name);
            subject(name, listener_name.clone());
            // Two scenes are about the same rules.
            if by == By::HeaderLast {
                continue;
            }
            let listener = match *name {
                TABLE => stage.plain(&listener_name, |action| by.routes(rules, &action.to(&cluster(CHOSEN))))?,
                LUA => {
                    let filter = lua::filter(&by.lua(rules));
                    stage.rendered(&listener_name, &[], &[])?.without_filter_state().with_filter(filter)
                }
                _ => stage.rendered(&listener_name, modules(name), &[by.virtual_service(rules, CHOSEN)])?,
            };
            stage.add(listener.replying());
        }
    }
    Ok(subjects)
}
