//! Which thread runs on which core, and the CPU time that it has had.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::{Pid, gettid};
use std::fs;
use std::io;
use std::time::Duration;

/// The cores, in two parts: one for the worker that is measured, the others for everything else.
#[derive(Clone, Copy)]
pub struct Cores {
    worker: CpuSet,
    others: CpuSet,
}

impl Cores {
    /// The last core that this process may use is the worker's. None if there is only one.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new() -> io::Result<Option<Self>> {
        let all = sched_getaffinity(Pid::from_raw(0))?;
        let mut allowed: Vec<usize> = (0..CpuSet::count()).filter(|core| all.is_set(*core).unwrap_or(false)).collect();
        let Some(last) = allowed.pop() else { return Ok(None) };
        if allowed.is_empty() {
            return Ok(None);
        }
        let (mut worker, mut others) = (CpuSet::new(), CpuSet::new());
        worker.set(last)?;
        for core in allowed {
            others.set(core)?;
        }
        Ok(Some(Self { worker, others }))
    }

    /// Moves the calling thread to the others' cores.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn leave_the_workers(&self) -> io::Result<()> {
        Ok(sched_setaffinity(gettid(), &self.others)?)
    }
}

/// A thread of Envoy that serves requests.
#[derive(Clone, Copy, Debug)]
pub struct Worker {
    process: i32,
    thread: i32,
}

impl Worker {
    /// The only worker of the Envoy with this id, on the core that is its own; the other threads of Envoy leave that core.
    ///
    /// # Errors
    ///
    /// What the system says, or that there is no such thread.
    pub fn alone(process: u32, cores: Option<&Cores>) -> io::Result<Self> {
        let process = i32::try_from(process).map_err(io::Error::other)?;
        let mut worker = None;
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let path = thread?.path();
            let id = path.file_name().and_then(|name| name.to_str()?.parse::<i32>().ok());
            // A thread may end while the list is read.
            let (Some(id), Ok(name)) = (id, fs::read_to_string(path.join("comm"))) else { continue };
            let serves = name.starts_with("wrk:");
            if serves {
                worker = Some(id);
            }
            if let Some(cores) = cores {
                let own = if serves { &cores.worker } else { &cores.others };
                sched_setaffinity(Pid::from_raw(id), own)?;
            }
        }
        let thread = worker.ok_or_else(|| io::Error::other("this Envoy has no thread whose name begins with wrk:"))?;
        Ok(Self { process, thread })
    }

    /// The time for which the thread has had a core. It is exact while the thread sleeps.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn cpu_time(&self) -> io::Result<Duration> {
        let statistics = fs::read_to_string(format!("/proc/{}/task/{}/schedstat", self.process, self.thread))?;
        let nanoseconds = statistics.split(' ').next().and_then(|number| number.parse().ok());
        nanoseconds.map(Duration::from_nanos).ok_or_else(|| io::Error::other("schedstat without a number"))
    }
}

/// The time for which all threads of a process have had a core, also those that have ended.
///
/// # Errors
///
/// What the system says.
pub fn cpu_time_of_process(process: u32) -> io::Result<Duration> {
    let process = Pid::from_raw(i32::try_from(process).map_err(io::Error::other)?);
    Ok(Duration::from(clock_gettime(clock_getcpuclockid(process)?)?))
}
