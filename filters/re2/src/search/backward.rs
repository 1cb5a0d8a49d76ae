//! From where in a text a match can be reached, found from its end to its beginning.

use super::graph::{Graph, Side, holds};
use super::seen::Seen;
use regex_automata::util::primitives::StateID;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The mark of a place where a match begins.
pub(super) const BEGINS: u16 = 1 << 15;

/// What is not known yet. There are fewer prospects, so that it is none of them.
const UNKNOWN: u16 = u16::MAX;

/// The bounds on how many prospects are known at once.
const FEWEST: usize = 64;
const MOST: usize = 1 << 14;

/// The bound on how many places are read without a look at how many prospects are known.
const STRETCH: usize = 1024;

/// What can follow at a position in a text. The first word says what comes next, and whether a match may end here; the
/// others are the set of the states that read a byte and from which a match can be reached there, one bit for each.
pub(super) type Prospect = Arc<[u64]>;

/// Where matches may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// At each place of the text.
    Anywhere,
    /// At the end of the text.
    Last,
    /// They had to end behind this place.
    Behind,
}

impl Ends {
    /// Where they may end as seen from the place before.
    fn before(self) -> Self {
        match self {
            Ends::Anywhere => Ends::Anywhere,
            Ends::Last | Ends::Behind => Ends::Behind,
        }
    }
}

/// What a prospect's first word says.
pub(super) fn head(word: u64) -> (Side, Ends) {
    let ends = match word >> 2 {
        0 => Ends::Anywhere,
        1 => Ends::Last,
        _ => Ends::Behind,
    };
    (Side::from(word & 0b11), ends)
}

fn word(side: Side, ends: Ends) -> u64 {
    let ends = match ends {
        Ends::Anywhere => 0,
        Ends::Last => 1,
        Ends::Behind => 2,
    };
    u64::from(side) | ends << 2
}

/// A deterministic automaton that reads a text from its end and says of each place from which states a match can be reached
/// there. It is built on demand, and cleared when it grows too large.
#[derive(Debug)]
pub(super) struct Backward {
    prospects: Vec<Prospect>,
    numbers: FxHashMap<Prospect, u16>,
    /// By a prospect and the class of the byte before it: the prospect before that byte, with the mark of the place behind.
    table: Vec<u16>,
    /// How wide a row of the table is, as a power of 2.
    width: u32,
    most: usize,
    age: u32,
    found: Vec<u64>,
    stack: Vec<StateID>,
    seen: Seen,
}

impl Backward {
    /// An automaton that takes about so much `memory`, in bytes.
    pub(super) fn new(graph: &Graph, memory: usize) -> Self {
        let words = 1 + graph.readers().div_ceil(64);
        let width = (graph.classes() + 1).next_power_of_two().trailing_zeros();
        let size = 8 * words + (2 << width) + 2 * size_of::<(Prospect, u16)>();
        Self {
            prospects: Vec::new(),
            numbers: FxHashMap::default(),
            table: Vec::new(),
            width,
            most: (memory / size).clamp(FEWEST, MOST),
            age: 0,
            found: vec![0; words],
            stack: Vec::new(),
            seen: Seen::of(graph.len()),
        }
    }

    /// How many places in a row can be read before it may have to start over.
    pub(super) fn stretch(&self) -> usize {
        STRETCH.min(self.most / 2)
    }

    /// How often it has started over. Numbers of prospects are good for one age.
    pub(super) fn age(&self) -> u32 {
        self.age
    }

    /// The prospect at the end of a text.
    pub(super) fn end(&self, ends: Ends) -> Prospect {
        let mut end = vec![0; self.found.len()];
        if let Some(head) = end.first_mut() {
            *head = word(Side::Edge, ends);
        }
        end.into()
    }

    /// The number of `prospect`. It makes room for a stretch of places, for which it may have to start over.
    pub(super) fn resume(&mut self, prospect: &Prospect) -> u16 {
        if self.prospects.len() + self.stretch() >= self.most {
            self.prospects.clear();
            self.numbers.clear();
            self.table.clear();
            self.age = self.age.wrapping_add(1);
        }
        match self.numbers.get(prospect) {
            Some(number) => *number,
            None => self.add(prospect.clone()),
        }
    }

    /// The prospect of that number.
    pub(super) fn prospect(&self, number: u16) -> Option<&Prospect> {
        self.prospects.get(usize::from(number))
    }

    /// Reads `text` from its end, of whose prospect this is the number: writes the marked numbers of the places behind each
    /// byte. Gives the number of the place before them all, and whether any is marked.
    pub(super) fn read(&mut self, graph: &Graph, text: &[u8], end: u16, places: &mut [u16]) -> (u16, bool) {
        let mut number = end;
        let mut marks = 0;
        for (byte, place) in text.iter().zip(places).rev() {
            let before = self.before(graph, number, graph.class(*byte));
            *place = number | before & BEGINS;
            marks |= before;
            number = before & !BEGINS;
        }
        (number, marks & BEGINS != 0)
    }

    /// The number, marked, of the place at the beginning of a text.
    pub(super) fn begin(&mut self, graph: &Graph, number: u16) -> u16 {
        number | self.before(graph, number, graph.classes()) & BEGINS
    }

    fn before(&mut self, graph: &Graph, number: u16, class: usize) -> u16 {
        match self.table.get(usize::from(number) << self.width | class) {
            Some(before) if *before != UNKNOWN => *before,
            _ => self.learn(graph, number, class),
        }
    }

    /// How much memory it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        let words = self.found.len();
        let prospects = self.prospects.capacity() + self.numbers.capacity();
        8 * words * self.prospects.len() + 16 * prospects + 2 * self.table.capacity()
    }

    /// Finds what is before the prospect of that number and a byte of `class`, and remembers it.
    #[cold]
    fn learn(&mut self, graph: &Graph, number: u16, class: usize) -> u16 {
        let Some(prospect) = self.prospects.get(usize::from(number)).cloned() else { return number };
        let byte = graph.byte(class);
        let before = graph.side(byte);
        let mark = if self.step(graph, &prospect, before, byte) { BEGINS } else { 0 };
        let known = match self.numbers.get(self.found.as_slice()) {
            // Before the text there is nothing.
            _ if byte.is_none() => 0,
            Some(known) => *known,
            None => self.add(self.found.as_slice().into()),
        };
        if let Some(entry) = self.table.get_mut(usize::from(number) << self.width | class) {
            *entry = known | mark;
        }
        known | mark
    }

    /// Finds the prospect before `byte`, whose own side is `before`, and `prospect`; whether a match begins between them.
    fn step(&mut self, graph: &Graph, prospect: &[u64], before: Side, byte: Option<u8>) -> bool {
        let Some((first, readers)) = prospect.split_first() else { return false };
        let (after, ends) = head(*first);
        self.found.fill(0);
        if let Some(head) = self.found.first_mut() {
            *head = word(before, ends.before());
        }
        self.seen.clear();
        if ends != Ends::Behind {
            self.stack.extend_from_slice(graph.ends());
        }
        for (place, word) in readers.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                self.stack.extend(graph.reader(64 * place + word.trailing_zeros() as usize));
                word &= word - 1;
            }
        }
        let mut begins = false;
        while let Some(state) = self.stack.pop() {
            if !self.seen.insert(state) {
                continue;
            }
            begins |= state == graph.start();
            if let Some(byte) = byte {
                for reading in graph.reading(state) {
                    if (reading.first..=reading.last).contains(&byte) {
                        let number = reading.reader as usize;
                        if let Some(word) = self.found.get_mut(1 + number / 64) {
                            *word |= 1 << (number % 64);
                        }
                    }
                }
            }
            let silent = graph.silent(state).iter();
            let open = silent.filter(|(_, look)| look.is_none_or(|look| holds(look, before, after)));
            self.stack.extend(open.map(|(state, _)| *state));
        }
        begins
    }

    fn add(&mut self, prospect: Prospect) -> u16 {
        let number = u16::try_from(self.prospects.len()).unwrap_or_default();
        self.table.resize(self.table.len() + (1 << self.width), UNKNOWN);
        self.numbers.insert(prospect.clone(), number);
        self.prospects.push(prospect);
        number
    }
}
