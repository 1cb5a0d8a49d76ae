//! From a difference to the smallest one: simpler policies and requests, all those of one step in one Envoy.

use super::policy::{Conditions, Match, Policy};
use super::requests::Request;
use super::{Case, Difference, Manner, compare, envoy_with, host};

/// How many steps are taken at most.
const STEPS: usize = 20;

/// Shrinks a difference, and shows it.
pub(super) async fn shrink(policy: Policy, difference: &Difference, manner: Manner) -> String {
    let mut smallest = (policy, difference.request.clone());
    let mut answers = (difference.native.clone(), difference.filter.clone());
    for _ in 0..STEPS {
        let cases = simpler(&smallest);
        let proxies = envoy_with(cases.iter().map(|(policy, _)| policy), manner).await;
        let (_, mut differences) = tokio::task::block_in_place(|| compare(&proxies, &cases));
        proxies.stop().await;
        differences.sort_by_key(|difference| difference.case);
        let Some(found) = differences.into_iter().next() else {
            break;
        };
        smallest = (cases[found.case].0.clone(), found.request);
        answers = (found.native, found.filter);
    }
    let (policy, request) = smallest;
    let (native, filter) = answers;
    let host = host(0);
    let (policy, message) = (policy.virtual_service(&host), request.message(&host));
    format!("{policy:#}\n{}\nenvoy: {native:?}\nheader-router: {filter:?}", message.bytes.escape_ascii())
}

/// What is one step simpler; the big steps first.
fn simpler((policy, request): &(Policy, Request)) -> Vec<Case> {
    let mut policies = Vec::new();
    let mut without = |change: &dyn Fn(&mut Policy)| {
        let mut simpler = policy.clone();
        change(&mut simpler);
        policies.push(simpler);
    };
    for at in (0..policy.rules.len()).filter(|_| policy.rules.len() > 1) {
        without(&|policy| drop(policy.rules.remove(at)));
    }
    for (at, rule) in policy.rules.iter().enumerate() {
        for one in (0..rule.matches.len()).filter(|_| rule.matches.len() > 1) {
            without(&|policy| drop(policy.rules[at].matches.remove(one)));
        }
    }
    for (at, rule) in policy.rules.iter().enumerate() {
        for (place, one) in rule.matches.iter().enumerate() {
            if one.path.is_some() {
                without(&|policy| policy.rules[at].matches[place].path = None);
            }
            if one.any_case {
                without(&|policy| policy.rules[at].matches[place].any_case = false);
            }
            let all: [fn(&mut Match) -> &mut Conditions; 4] =
                [|one| &mut one.pseudo, |one| &mut one.headers, |one| &mut one.without, |one| &mut one.query];
            for conditions in all {
                for name in conditions(&mut one.clone()).keys() {
                    without(&|policy| drop(conditions(&mut policy.rules[at].matches[place]).remove(name)));
                }
            }
        }
    }
    let mut cases: Vec<Case> = policies.into_iter().map(|policy| (policy, vec![request.clone()])).collect();
    let mut requests = Vec::new();
    for at in 0..request.fields.len() {
        let mut simpler = request.clone();
        simpler.fields.remove(at);
        requests.push(simpler);
    }
    if let Some((path, _)) = request.target.split_once('?') {
        requests.push(Request { target: path.to_owned(), ..request.clone() });
    }
    if request.method != "GET" && request.target != "*" {
        requests.push(Request { method: "GET".to_owned(), ..request.clone() });
    }
    cases.extend(requests.into_iter().map(|request| (policy.clone(), vec![request])));
    cases
}
