//! Swaps: rules are exchanged for others while requests come, and it is seen how long none has a response.

use crate::client::{Client, Until};
use crate::cores::{Cores, Worker};
use crate::results::{Swaps, rounded};
use crate::rules::By;
use crate::scenes::{CANARY, TABLE, modules};
use crate::shop::cluster;
use crate::stage::Stage;
use crate::upstream::Upstream;
use serde_json::{Value, json};
use std::error::Error;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How many rules are exchanged.
pub const RULES: [usize; 2] = [10, 10_000];

/// Whose.
pub const SUBJECTS: [&str; 2] = [TABLE, CANARY];

/// How often.
const SWAPS: usize = 7;

/// How long requests come before rules are exchanged, and after the first of them has met the new ones.
const BEFORE: Duration = Duration::from_millis(300);
const AFTER: Duration = Duration::from_millis(700);

/// How long Envoy may take until then, and how many requests there are in that time at most.
const UNTIL: Until = Until { time: Duration::from_secs(25), requests: 5_000_000 };

/// The subsets to which all rules send in turn.
const SENDS_TO: [&str; 2] = ["v1", "v2"];

/// A file that Envoy looks at, and the two texts that it has in turn.
struct Exchanged {
    file: PathBuf,
    texts: [String; 2],
}

impl Exchanged {
    fn new(directory: &Path, name: &str, texts: [Value; 2]) -> io::Result<Self> {
        let file = directory.join(format!("{name}.json"));
        let texts = texts.map(|resource| json!({"resources": [resource]}).to_string());
        fs::write(&file, &texts[0])?;
        Ok(Self { file, texts })
    }

    fn write(&self, turn: usize) -> io::Result<()> {
        // Envoy looks at files that are moved to their place.
        let unfinished = self.file.with_extension("unfinished");
        fs::write(&unfinished, &self.texts[turn % 2])?;
        fs::rename(&unfinished, &self.file)
    }
}

/// All swaps. `progress` is told of each.
///
/// # Errors
///
/// What the system says, and what Envoy says.
pub async fn swaps(
    upstream: &Upstream,
    cores: Option<&Cores>,
    mut progress: impl FnMut(&str),
) -> Result<Vec<Swaps>, Box<dyn Error>> {
    let mut all = Vec::new();
    for rules in RULES {
        let mut stage = Stage::new(upstream)?;
        let exchanged = [table(&mut stage, rules)?, canary(&mut stage, rules)?];
        let envoy = stage.start(1).await?;
        Worker::alone(envoy.id(), cores)?;
        let mut swaps =
            SUBJECTS.map(|subject| Swaps { subject: subject.to_owned(), rules, gap: Vec::new(), taken: Vec::new() });
        for turn in 1..=SWAPS {
            progress(&format!("{rules} rules, {turn} of {SWAPS}"));
            for (swaps, exchanged) in swaps.iter_mut().zip(&exchanged) {
                let target = envoy.listeners()[&swaps.subject];
                let (gap, taken) = swap(target, exchanged, turn, &By::Header.request(rules), cores)?;
                swaps.gap.push(rounded(gap.as_secs_f64() * 1e3));
                swaps.taken.push(rounded(taken.as_secs_f64() * 1e3));
            }
        }
        envoy.stop().await;
        all.extend(swaps);
    }
    Ok(all)
}

/// Exchanges the rules under load: the longest time without a response, and that until a response by the new rules.
fn swap(
    target: SocketAddr,
    exchanged: &Exchanged,
    turn: usize,
    request: &[u8],
    cores: Option<&Cores>,
) -> io::Result<(Duration, Duration)> {
    let mut client = Client::open(target, [request.to_vec()])?;
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            cores.map_or(Ok(()), Cores::leave_the_workers)?;
            let mut met: Option<Instant> = None;
            let ran = client.run(UNTIL, |said| {
                if met.is_none() && said == SENDS_TO[turn % 2].as_bytes() {
                    met = Some(Instant::now());
                }
                met.is_none_or(|met| met.elapsed() < AFTER)
            })?;
            Ok::<_, io::Error>((ran, met))
        });
        thread::sleep(BEFORE);
        let written = Instant::now();
        exchanged.write(turn)?;
        let (ran, met) = load.join().map_err(|_| io::Error::other("the client broke"))??;
        let others = ran.responses - SENDS_TO.iter().map(|subset| ran.of(subset)).sum::<u64>();
        match met {
            Some(met) if others == 0 => Ok((ran.longest_gap, met.saturating_duration_since(written))),
            Some(_) => Err(io::Error::other(format!("{others} requests had another response than they should"))),
            None => Err(io::Error::other("the new rules were not taken in time")),
        }
    })
}

/// Envoy's own routes, in a file by themselves (RDS).
fn table(stage: &mut Stage, rules: usize) -> Result<Exchanged, Box<dyn Error>> {
    let mut texts = [Value::Null, Value::Null];
    for (text, subset) in texts.iter_mut().zip(SENDS_TO) {
        let mut listener = stage.plain(TABLE, |action| By::Header.routes(rules, &action.to(&cluster(subset))))?;
        *text = listener.manager()["route_config"].take();
        text["@type"] = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration".into();
    }
    let exchanged = Exchanged::new(stage.directory(), "routes", texts)?;
    let mut listener = stage.plain(TABLE, |_| Vec::new())?;
    let manager = listener.manager();
    if let Some(fields) = manager.as_object_mut() {
        fields.remove("route_config");
    }
    let source = json!({"path_config_source": {"path": exchanged.file}});
    manager["rds"] = json!({"route_config_name": TABLE, "config_source": source});
    stage.add(listener);
    Ok(exchanged)
}

/// Serin's rules, in the configuration of the filter (ECDS), as Istio's proxies have them.
fn canary(stage: &mut Stage, rules: usize) -> Result<Exchanged, Box<dyn Error>> {
    let mut texts = [Value::Null, Value::Null];
    let mut name = Value::Null;
    for (text, subset) in texts.iter_mut().zip(SENDS_TO) {
        let manifest = By::Header.virtual_service(rules, subset);
        let mut listener = stage.rendered(CANARY, modules(CANARY), &[manifest])?;
        *text = listener.filters()[0].take();
        text["@type"] = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig".into();
        name = text["name"].clone();
    }
    let exchanged = Exchanged::new(stage.directory(), "filter", texts)?;
    let discovered = json!({
        "name": name,
        "config_discovery": {
            "config_source": {"path_config_source": {"path": exchanged.file}},
            "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
        },
    });
    let listener = stage.rendered(CANARY, &[], &[])?.with_filter(discovered);
    stage.add(listener);
    Ok(exchanged)
}
