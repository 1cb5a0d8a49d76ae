//! Turns: one subject has the worker for a moment, and it is seen what a request costs.

use crate::client::{Client, Ran, Until};
use crate::cores::Worker;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

/// How many connections there are: with fewer the worker has to wait for the client now and then, with more nothing changes.
pub const CONNECTIONS: usize = 64;

/// How long a turn takes.
pub const TIME: Duration = Duration::from_millis(120);

/// How many requests a turn has at most.
const REQUESTS: u64 = 100_000;

/// How long the worker has to go to sleep: what the kernel says of its CPU time is exact then.
const ASLEEP: Duration = Duration::from_millis(2);

/// What was seen in a turn.
#[derive(Clone, Debug)]
pub struct Turn {
    /// CPU time of the worker for each request, in microseconds.
    pub cpu: f64,
    /// Requests per second.
    pub rate: f64,
    /// The part of the time in which the worker had a core.
    pub busy: f64,
    /// How many requests were sent, with those that are not counted.
    pub sent: u64,
    /// The responses.
    pub ran: Ran,
}

/// Gives the listener at `target` its turn. The connections send `requests`, as many different ones as there are.
///
/// # Errors
///
/// What the system says, and what is wrong with a response.
pub fn turn(target: SocketAddr, worker: &Worker, requests: &[Vec<u8>]) -> io::Result<Turn> {
    let each = requests.iter().cycle().take(CONNECTIONS).cloned();
    let mut client = Client::open(target, each)?;
    // The first requests open connections, here and to the services behind; they are not counted.
    let warm_up = client.run(Until { time: TIME, requests: 2 * CONNECTIONS as u64 }, |_| true)?;
    thread::sleep(ASLEEP);
    let before = worker.cpu_time()?;
    let ran = client.run(Until { time: TIME, requests: REQUESTS }, |_| true)?;
    // The worker sleeps as soon as it has nothing to do, and is late for that by less than a scheduler's tick.
    thread::sleep(ASLEEP);
    let spent = worker.cpu_time()?.saturating_sub(before).as_secs_f64();
    let (responses, time) = (ran.responses as f64, ran.time.as_secs_f64());
    Ok(Turn {
        cpu: spent * 1e6 / responses,
        rate: responses / time,
        busy: spent / time,
        sent: warm_up.responses + ran.responses,
        ran,
    })
}
