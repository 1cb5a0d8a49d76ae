//! `serin simulate`.

use super::{Cli, CommandResult, Finding, Manifests, Output};
use crate::manifests::{Mistakes, World, load};
use crate::simulate::{
    Asked, KeyPlace, Keys, Labels, Moves, Rules, Run, Way, moves_json, moves_table, run_json, run_notes, run_table,
    way_in,
};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory};
use hyper::header::{HeaderName, HeaderValue};
use serin_traffic::instant;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Asks the rules where many requests would go, without a proxy; with --then, who moves when the rules change
///
/// The decisions are those of the filters, as long as no guard has withdrawn anything and every destination is there.
/// Requests are alike but for their key. p is the probability that a right split is that far off (chi-squared test).
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Simulate {
    #[command(flatten)]
    manifests: Manifests,

    /// All manifests as they are after a change: shows who moves
    #[arg(long, visible_alias = "against", num_args = 1.., value_name = "FILE")]
    then: Vec<PathBuf>,

    /// How many requests [default: 10000, or one for each of --keys]
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST))]
    requests: Option<u64>,

    /// What differs between requests: header:NAME, cookie:NAME, queryParam:NAME, baggage:NAME or sourceIp, with the
    /// values user-0, user-1 and so on (addresses from 10.0.0.0) [default: the first key that the split names]
    #[arg(long, value_name = "SOURCE", value_parser = KeyPlace::parse)]
    key: Option<KeyPlace>,

    /// The values of the key, one on each line; `-` for the standard input
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,

    /// The host that requests ask for, with a port or without [default: the first of the first VirtualService]
    #[arg(long, value_name = "HOST", value_parser = host)]
    host: Option<String>,

    /// The path that they ask for, with a query or without
    #[arg(long, default_value = "/", value_name = "PATH", value_parser = path)]
    path: String,

    /// A header that all requests have; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,

    /// When they are sent, RFC 3339: the clock of ramps and windows of time [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant::parse)]
    at: Option<u64>,

    /// Through which gateway: `mesh`, or a Gateway as VirtualServices call it [default: that of the VirtualService]
    #[arg(long, value_name = "NAME")]
    gateway: Option<String>,

    /// Where chance begins: one seed gives one output
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,

    /// A table for people, or one JSON document
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

/// The most requests.
const MOST: u64 = 10_000_000;

/// How many requests there are where nothing is said.
const REQUESTS: u64 = 10_000;

const EXAMPLES: &str = "\
Examples:
  The split that a header decides, half an hour into a ramp:
    serin simulate reviews.yaml canary-policy.yaml -n 100000 --key header:end-user --at 2026-11-20T15:30:00Z
  Who moves when 10 percent become 20, of the users in a file:
    serin simulate reviews-90-10.yaml canary-policy.yaml --keys users.txt --then reviews-80-20.yaml canary-policy.yaml";

fn host(text: &str) -> Result<String, String> {
    if text.contains('*') {
        return Err("requests ask for one host: write a name in the place of *".to_owned());
    }
    let is_authority = text.parse::<hyper::http::uri::Authority>().is_ok() && !text.contains('@');
    if is_authority { Ok(text.to_owned()) } else { Err("is no host such as reviews or shop.example:8080".to_owned()) }
}

fn path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err("does not begin with /".to_owned());
    }
    if text.contains('#') || text.chars().any(|char| char.is_control() || char == ' ') {
        return Err("has a #, a space or a control character, which no request has in its path".to_owned());
    }
    Ok(text.to_owned())
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("is not NAME: VALUE")?;
    let (name, value) = (name.trim(), value.trim());
    if name.eq_ignore_ascii_case("host") {
        return Err("the host is said with --host".to_owned());
    }
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is not the name of a header"))?;
    HeaderValue::from_bytes(value.as_bytes()).map_err(|_| format!("{value:?} is not the value of a header"))?;
    Ok((name.to_ascii_lowercase(), value.to_owned()))
}

/// What is asked, of how many requests.
struct Crowd {
    asked: Asked,
    place: Option<KeyPlace>,
    keys: Keys,
    requests: u64,
}

impl Simulate {
    pub(super) fn run(self) -> CommandResult {
        let world = self.manifests.read()?;
        let after = if self.then.is_empty() { None } else { Some(self.read_then()?) };
        let namespace = self.manifests.namespace.as_str();
        let way = way_in(&world, self.host.as_deref(), self.gateway.as_deref(), namespace).map_err(|unknown| {
            // Rules that nobody has may be so because of a mistake in them.
            Mistakes::from(Rules::mistake(&world, self.manifests.source()).unwrap_or(unknown))
        })?;
        let rules = self.rules(&world, &way)?;
        let then_rules = after.as_ref().map(|after| self.rules(after, &way)).transpose()?;
        let crowd = self.crowd(&way, &rules, then_rules.as_ref())?;

        let mut before = Run::new(&rules, self.seed);
        // Who meets chance again meets another one.
        let mut then = then_rules.as_ref().map(|rules| Run::new(rules, self.seed.wrapping_add(1)));
        let mut moves = Moves::default();
        for index in 0..crowd.requests {
            let key = crowd.place.as_ref().map(|place| (place, crowd.keys.at(index, place)));
            let carried = key.as_ref().map(|(place, (key, _))| (*place, key.as_ref()));
            let varying = key.as_ref().map(|(place, (_, first))| (*place, *first));
            let sent = before.send(&crowd.asked.by(carried, None), varying);
            if let Some(then) = &mut then {
                let again = then.send(&crowd.asked.by(carried, sent.given.as_ref()), varying);
                moves.add(sent.target, again.target, carried.map(|(_, key)| key));
            }
        }
        let mut out = io::stdout().lock();
        match self.output {
            Output::Table => self.tell(&mut out, &way, &crowd, &before, then.as_ref().map(|then| (then, &moves)))?,
            Output::Json => {
                let mut report = run_json(&before);
                report["gateway"] = way.gateway.into();
                report["url"] = url(&crowd.asked).into();
                report["at"] = rfc3339(crowd.asked.now).into();
                report["key"] = crowd.place.map(|place| place.to_string()).into();
                report["seed"] = self.seed.into();
                if let Some(then) = &then {
                    report["then"] = run_json(then);
                    report["moves"] = moves_json(&moves.matrix(&before, then));
                }
                writeln!(out, "{report:#}")?;
            }
        }
        Ok(Finding::Right)
    }

    fn read_then(&self) -> Result<World, Box<dyn Error>> {
        let Manifests { namespace, labels, .. } = &self.manifests;
        let then = Manifests { files: self.then.clone(), namespace: namespace.clone(), labels: labels.clone() };
        then.read()
    }

    fn rules<'w>(&self, world: &'w World, way: &Way) -> Result<Rules<'w>, Box<dyn Error>> {
        let rules = Rules::compile(world, way, self.manifests.source()).map_err(Mistakes::from)?;
        for warning in &rules.warnings {
            writeln!(io::stderr(), "warning: {warning}")?;
        }
        Ok(rules)
    }

    fn crowd(&self, way: &Way, rules: &Rules<'_>, then: Option<&Rules<'_>>) -> Result<Crowd, Box<dyn Error>> {
        // In whole seconds, so that --at can say it again.
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let asked = Asked {
            authority: way.authority.clone(),
            port: way.port,
            path: self.path.clone(),
            headers: self.headers.clone(),
            now: self.at.unwrap_or_else(|| now() * 1_000_000_000),
        };
        for rules in std::iter::once(rules).chain(then) {
            rules.refuse_stranger(way, &asked).map_err(Mistakes::from)?;
        }
        let named = || std::iter::once(rules).chain(then).find_map(|rules| rules.first_key(&asked));
        let place = self.key.clone().or_else(named);
        let said_twice = self.headers.iter().find(|(name, _)| place == Some(KeyPlace::Header(name.clone())));
        if let Some((name, _)) = said_twice {
            let reason = format!("--header {name} stands where the keys are (header:{name})");
            usage(&format!("{reason}: leave it away, or say with --key where else they are"));
        }
        let keys = match (&self.keys, &place) {
            (None, _) => Keys::Numbered,
            (Some(_), None) => usage("no split names a place for --keys: say where requests carry them with --key"),
            (Some(file), Some(place)) => match load(std::slice::from_ref(file))?.as_slice() {
                [text] => Keys::read(text, place)?,
                _ => usage(&format!("--keys {} is a directory: give one file", file.display())),
            },
        };
        let requests = self.requests.unwrap_or(match &keys {
            Keys::Listed(keys) => keys.len() as u64,
            Keys::Numbered => REQUESTS,
        });
        Ok(Crowd { asked, place, keys, requests })
    }

    fn tell(
        &self,
        out: &mut impl Write,
        way: &Way,
        crowd: &Crowd,
        before: &Run<'_>,
        then: Option<(&Run<'_>, &Moves)>,
    ) -> io::Result<()> {
        let Crowd { asked, place, keys, requests } = crowd;
        let key = place.as_ref().map_or_else(
            || "all alike".to_owned(),
            |place| {
                let last = requests.saturating_sub(1);
                format!("{place} from {} to {}", keys.at(0, place).0, keys.at(last, place).0)
            },
        );
        let (at, gateway) = (rfc3339(asked.now), &way.gateway);
        writeln!(out, "{requests} × GET {} through {gateway} at {at}, {key}", url(asked))?;
        let labels = Labels::of(std::iter::once(before).chain(then.map(|(then, _)| then)));
        writeln!(out, "{}", run_table(before, &labels))?;
        for note in run_notes(before) {
            writeln!(out, "{note}")?;
        }
        if let Some((then, moves)) = then {
            writeln!(out, "\nthen")?;
            writeln!(out, "{}", run_table(then, &labels))?;
            for note in run_notes(then) {
                writeln!(out, "{note}")?;
            }
            let matrix = moves.matrix(before, then);
            writeln!(out, "\nwho moves\n{}", moves_table(&matrix, &labels))?;
            for line in matrix.lines(&labels) {
                writeln!(out, "{line}")?;
            }
            if before.leaves_to_chance() || then.leaves_to_chance() {
                writeln!(
                    out,
                    "who went by chance or in turn may move with every request, without any change of the rules"
                )?;
            }
        }
        Ok(())
    }
}

fn url(asked: &Asked) -> String {
    format!("http://{}{}", asked.authority, asked.path)
}

fn rfc3339(now: u64) -> String {
    humantime::format_rfc3339(SystemTime::UNIX_EPOCH + Duration::from_nanos(now)).to_string()
}

/// Ends the process as every wrong usage does.
fn usage(reason: &str) -> ! {
    let mut cli = Cli::command();
    cli.build();
    let command = cli.find_subcommand_mut("simulate").map(std::mem::take);
    command.unwrap_or(cli).error(ErrorKind::ArgumentConflict, reason).exit()
}
