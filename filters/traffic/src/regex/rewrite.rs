//! What replaces the matches of a regular expression: Envoy's `regex_rewrite`.

use super::program::LAST_GROUP;
use super::{Regex, utf8};
use crate::written::RegexEncoding;
use regex_automata::Input;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::util::primitives::NonMaxUsize;

/// Text with groups in it, `\0` to `\9`, to put in the place of matches.
#[derive(Clone, Debug)]
pub(crate) struct Rewrite(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Byte(u8),
    Group(u8),
}

/// The beginnings and ends of the groups.
type Slots = [Option<NonMaxUsize>; 2 * (LAST_GROUP as usize + 1)];

impl Rewrite {
    /// Compiles what is to replace the matches of `regex`, or says why it cannot be (`RE2::CheckRewriteString`).
    pub(crate) fn compile(regex: &Regex, written: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut characters = written.chars();
        while let Some(character) = characters.next() {
            if character != '\\' {
                parts.extend(character.encode_utf8(&mut [0; 4]).bytes().map(Part::Byte));
                continue;
            }
            match characters.next() {
                Some('\\') => parts.push(Part::Byte(b'\\')),
                Some(digit @ '0'..='9') => {
                    let group = digit.to_digit(10).unwrap_or_default();
                    if group > regex.groups() {
                        return Err(format!(
                            "there is no group \\{digit}: `{}` has {}",
                            regex.as_str(),
                            regex.groups()
                        ));
                    }
                    parts.push(Part::Group(u8::try_from(group).unwrap_or_default()));
                }
                Some(other) => return Err(format!("\\{other} is neither a group, \\0 to \\9, nor \\\\")),
                None => return Err("\\ at the end".to_owned()),
            }
        }
        Ok(Self(parts))
    }

    fn put(&self, text: &[u8], slots: &Slots, out: &mut Vec<u8>) {
        for part in &self.0 {
            match *part {
                Part::Byte(byte) => out.push(byte),
                // A group that took no part in the match is empty.
                Part::Group(group) => {
                    out.extend_from_slice(range(slots, group).and_then(|range| text.get(range)).unwrap_or_default())
                }
            }
        }
    }
}

impl Regex {
    /// `text` with every match replaced (`RE2::GlobalReplace`). `rewrite` was compiled for this expression.
    pub(crate) fn replace_all(&self, text: &[u8], rewrite: &Rewrite) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let rest = |from: usize| text.get(from..).unwrap_or_default();
        let Ok(vm) = PikeVM::new_from_nfa(self.nfa().clone()) else { return text.to_vec() };
        let mut cache = vm.create_cache();
        // The simulation panics at more slots than there are.
        let known = vm.get_nfa().group_info().slot_len().min(Slots::default().len());
        let mut at = 0;
        let mut last_end = None;
        while at <= text.len() {
            let mut slots = Slots::default();
            let (known, _) = slots.split_at_mut(known);
            vm.search_slots(&mut cache, &Input::new(text).range(at..), known);
            let Some(found) = range(&slots, 0) else { break };
            out.extend_from_slice(text.get(at..found.start).unwrap_or_default());
            if found.is_empty() && last_end == Some(found.start) {
                // Nothing right after a match is no match; then a whole character is passed over.
                let length = match self.encoding() {
                    RegexEncoding::Latin1 => 1,
                    RegexEncoding::Utf8 => utf8::first_len(rest(at)),
                };
                out.extend(rest(at).iter().take(length));
                at += length;
                continue;
            }
            rewrite.put(text, &slots, &mut out);
            at = found.end;
            last_end = Some(at);
        }
        out.extend_from_slice(rest(at));
        out
    }
}

fn range(slots: &Slots, group: u8) -> Option<std::ops::Range<usize>> {
    let at = 2 * usize::from(group);
    let end = |slot: usize| slots.get(slot).copied().flatten().map(NonMaxUsize::get);
    Some(end(at)?..end(at + 1)?)
}
