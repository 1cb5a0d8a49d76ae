//! A split, copies, and both.

use super::{CANARY, CHAIN, EMPTY, NOTHING, everything, modules};
use crate::lua;
use crate::round::{Expected, Subject};
use crate::rules::{user, virtual_service};
use crate::shop::{HOST, SUBSETS, cluster, request};
use crate::stage::Stage;
use crate::turn::CONNECTIONS;
use crate::wasm::{Asks, module};
use serde_json::{Value, json};
use std::error::Error;

/// The scene of a split, 90 to 10, and of copies of a tenth.
pub const SPLITS: &str = "splits and copies";
/// A Wasm filter with canary's hostcalls and without a decision.
pub const FLOOR_OF_SPLITS: &str = "canary's hostcalls alone";
/// The same with the hostcall for the copy.
pub const FLOOR_OF_COPIES: &str = "canary's hostcalls alone, 10 % copied";
/// Envoy's weighted clusters.
pub const WEIGHTED: &str = "Envoy's weighted clusters";
/// A split by a key, in Lua.
pub const LUA_STICKY: &str = "Lua, sticky";
/// A split by chance.
pub const CANARY_RANDOM: &str = "canary, random";
/// A split that is kept to the request.
pub const CANARY_EXACT: &str = "canary, exact";
/// A split by a key.
pub const CANARY_STICKY: &str = "canary, sticky";
/// The same by three modules.
pub const CHAIN_STICKY: &str = "chain of three, sticky";
/// Envoy's own copies.
pub const TABLE_COPIES: &str = "Envoy's mirror policy, 10 %";
/// Copies that Lua asks for and Envoy sends.
pub const LUA_COPIES: &str = "Lua, 10 % copied";
/// Copies that canary asks for and Envoy sends.
pub const CANARY_COPIES: &str = "canary, 10 % copied";
/// Copies that canary sends.
pub const CANARY_CALLOUT: &str = "canary, 10 % copied by callout";
/// A split by a key, and copies.
pub const LUA_BOTH: &str = "Lua, sticky, 10 % copied";
/// A split by a key, and copies.
pub const CANARY_BOTH: &str = "canary, sticky, 10 % copied";
/// A split by a key, and copies.
pub const CHAIN_BOTH: &str = "chain of three, sticky, 10 % copied";

/// All subjects of the scene of a split, in the order of tables.
pub const OF_SPLITS: [&str; 17] = [
    NOTHING,
    WEIGHTED,
    EMPTY,
    FLOOR_OF_SPLITS,
    LUA_STICKY,
    CANARY_RANDOM,
    CANARY_EXACT,
    CANARY_STICKY,
    CHAIN_STICKY,
    TABLE_COPIES,
    LUA_COPIES,
    CANARY_COPIES,
    CANARY_CALLOUT,
    FLOOR_OF_COPIES,
    LUA_BOTH,
    CANARY_BOTH,
    CHAIN_BOTH,
];

/// What Serin is told of a split.
enum Split {
    Random,
    Exact,
    Sticky,
    /// All to one subset.
    None,
}

/// Serin's rules for all requests: the split, and who sends copies of a tenth if anybody does.
fn manifests(split: &Split, copies_by: Option<&str>) -> Vec<Value> {
    let to = |subset: &str, weight: u32| json!({"destination": {"host": HOST, "subset": subset}, "weight": weight});
    let route = match split {
        Split::None => json!([to(SUBSETS[0], 100)]),
        _ => json!([to(SUBSETS[0], 90), to(SUBSETS[1], 10)]),
    };
    let mut rule = json!({"name": "all", "route": route});
    if copies_by.is_some() {
        rule["mirrors"] = json!([{"destination": {"host": HOST, "subset": SUBSETS[2]}, "percentage": {"value": 10}}]);
    }
    let mut said = json!({"route": "all"});
    match split {
        Split::Random | Split::None => {}
        Split::Exact => said["split"] = json!({"mode": "exact"}),
        Split::Sticky => said["split"] = json!({"mode": "sticky", "key": [{"header": "x-user"}]}),
    }
    if copies_by == Some("callout") {
        // A worker that does nothing else has more under way than one in use: none is to be dropped here.
        said["shadow"] = json!({"delivery": "callout", "maxInFlight": 1000});
    }
    let policy = json!({
        "apiVersion": "serin.dev/v1alpha1", "kind": "CanaryPolicy", "metadata": {"name": HOST},
        "spec": {"virtualService": HOST, "routes": [said]},
    });
    vec![virtual_service(vec![rule]), policy]
}

/// An Envoy with a split in all ways, copies in all ways, and both.
///
/// # Errors
///
/// What the system says.
pub fn splits(stage: &mut Stage) -> Result<Vec<Subject>, Box<dyn Error>> {
    let [first, second, third] = SUBSETS.map(cluster);
    let mut subjects = Vec::new();
    for name in OF_SPLITS {
        let listener = match name {
            NOTHING => stage.plain(name, |action| everything(action.to(&first)))?,
            EMPTY => {
                let filter = stage.filter(name, &module(Asks::Nothing, "", "")?)?;
                stage.plain(name, |action| everything(action.to(&first)))?.with_filter(filter)
            }
            FLOOR_OF_SPLITS | FLOOR_OF_COPIES => {
                let is_copied = name == FLOOR_OF_COPIES;
                let asks = if is_copied { Asks::Copies } else { Asks::Cluster };
                let filter = stage.filter(name, &module(asks, &first, &third)?)?;
                let rules = manifests(&Split::None, is_copied.then_some("router"));
                stage.rendered(name, &[], &rules)?.with_filter(filter)
            }
            WEIGHTED => {
                let clusters = json!([{"name": first, "weight": 90}, {"name": second, "weight": 10}]);
                stage.plain(name, |action| {
                    everything(action.with(json!({"weighted_clusters": {"clusters": clusters}})))
                })?
            }
            TABLE_COPIES => {
                let tenth = json!({"default_value": {"numerator": 10, "denominator": "HUNDRED"}});
                let policy = json!([{"cluster": third, "runtime_fraction": tenth}]);
                let copied = json!({"cluster": first, "request_mirror_policies": policy});
                stage.plain(name, |action| everything(action.with(copied)))?
            }
            LUA_STICKY | LUA_COPIES | LUA_BOTH => {
                // The routes that Serin renders for the same rules, so that Envoy itself does the same.
                let split = if name == LUA_COPIES { Split::None } else { Split::Sticky };
                let copies_by = (name != LUA_STICKY).then_some("router");
                let filter = lua::filter(&lua::split(name != LUA_COPIES, copies_by.is_some()));
                stage.rendered(name, &[], &manifests(&split, copies_by))?.without_filter_state().with_filter(filter)
            }
            _ => {
                let (split, copies_by) = match name {
                    CANARY_RANDOM => (Split::Random, None),
                    CANARY_EXACT => (Split::Exact, None),
                    CANARY_STICKY | CHAIN_STICKY => (Split::Sticky, None),
                    CANARY_COPIES => (Split::None, Some("router")),
                    CANARY_CALLOUT => (Split::None, Some("callout")),
                    _ => (Split::Sticky, Some("router")),
                };
                let modules = if name.starts_with(CHAIN) { modules(CHAIN) } else { modules(CANARY) };
                stage.rendered(name, modules, &manifests(&split, copies_by))?
            }
        };
        stage.add(listener);
        let is_split = ![
            NOTHING,
            EMPTY,
            FLOOR_OF_SPLITS,
            FLOOR_OF_COPIES,
            TABLE_COPIES,
            LUA_COPIES,
            CANARY_COPIES,
            CANARY_CALLOUT,
        ]
        .contains(&name);
        subjects.push(Subject {
            scene: SPLITS,
            rules: 1,
            name,
            listener: name.to_owned(),
            requests: (0..CONNECTIONS).map(|number| request("/cart", &[("x-user", &user(number))])).collect(),
            expected: if is_split { Expected::Split } else { Expected::All(SUBSETS[0]) },
            copied: name.contains("10 %"),
        });
    }
    Ok(subjects)
}
