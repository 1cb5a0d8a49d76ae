//! A process of Envoy, which ends when its owner does.

use super::admin;
use super::log::{Filters, reasons};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long Envoy may take to be ready: it compiles the modules once for each listener and worker.
const START: Duration = Duration::from_secs(60);

/// How long Envoy may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(5);

/// How often it is looked whether Envoy is ready, or has ended.
const LOOK: Duration = Duration::from_millis(20);

/// A running Envoy.
///
/// However its owner ends, by return, by panic or by a signal, Envoy ends too.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// The thread that started Envoy lives until this goes: the kernel ends Envoy with that thread.
    _starter: mpsc::Sender<()>,
    directory: TempDir,
    admin: SocketAddr,
    listeners: BTreeMap<String, SocketAddr>,
}

/// Why there is no running Envoy.
#[derive(Debug)]
pub enum Failure {
    /// A file or a process could not be made.
    System(String, io::Error),
    /// Envoy ended before it was ready; with the last errors of its log.
    Refused(ExitStatus, Vec<String>),
    /// Envoy was not ready in time; with the last lines of its log.
    TooSlow(Vec<String>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = match self {
            Self::System(what, error) => return write!(f, "{what}: {error}"),
            Self::Refused(status, lines) => {
                write!(f, "envoy did not start ({status}); its log says:")?;
                lines
            }
            Self::TooSlow(lines) => {
                write!(f, "envoy was not ready after {} s; its log says:", START.as_secs())?;
                lines
            }
        };
        lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for Failure {}

impl Process {
    /// Starts the Envoy of `binary` with `configuration` and that many workers, and waits until it is ready.
    ///
    /// `directory` is Envoy's own: configuration, modules and log lie there, and it goes with the process.
    ///
    /// # Errors
    ///
    /// A [`Failure`], with what Envoy's log says.
    pub async fn start(
        binary: &Path,
        configuration: &Value,
        concurrency: u32,
        directory: TempDir,
    ) -> Result<Self, Failure> {
        let file = |name: &str| directory.path().join(name);
        let system = |what: &str| {
            let what = what.to_owned();
            move |error| Failure::System(what, error)
        };
        fs::write(file("envoy.json"), configuration.to_string()).map_err(system("envoy.json"))?;
        let log = File::create(file("envoy.log")).map_err(system("envoy.log"))?;
        let mut command = Command::new(binary);
        command
            .arg("--config-path")
            .arg(file("envoy.json"))
            .arg("--admin-address-path")
            .arg(file("admin"))
            .args(["--disable-hot-restart", "--log-level", "warning", "--concurrency", &concurrency.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(system("envoy.log"))?)
            .stderr(log);
        let (child, starter) = spawn(command).map_err(system(&binary.display().to_string()))?;
        let admin = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut process = Self { child, _starter: starter, directory, admin, listeners: BTreeMap::new() };
        process.wait_until_ready().await?;
        process.listeners = admin::listeners(process.admin).await.map_err(system("envoy's admin interface"))?;
        Ok(process)
    }

    async fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().map_err(|error| Failure::System("envoy".into(), error))? {
                return Err(Failure::Refused(status, reasons(&self.log())));
            }
            let written = fs::read_to_string(self.directory.path().join("admin")).unwrap_or_default();
            if let Ok(admin) = written.trim().parse() {
                self.admin = admin;
                if admin::is_ready(admin).await {
                    return Ok(());
                }
            }
            if started.elapsed() > START {
                return Err(Failure::TooSlow(reasons(&self.log())));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Envoy's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where Envoy's admin interface is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Where the listeners are, by their names.
    pub fn listeners(&self) -> &BTreeMap<String, SocketAddr> {
        &self.listeners
    }

    /// The counters and gauges of which the name ends so, by their names.
    ///
    /// # Errors
    ///
    /// What the system says if the admin interface does not answer.
    pub async fn counters(&self, end: &str) -> io::Result<BTreeMap<String, u64>> {
        admin::counters(self.admin, end).await
    }

    /// The directory that goes with the process.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// What Envoy has logged so far: warnings and worse.
    pub fn log(&self) -> String {
        fs::read(self.directory.path().join("envoy.log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// What the filters log from now on: warnings and worse.
    ///
    /// # Errors
    ///
    /// What the system says if the log cannot be read.
    pub fn filters(&self) -> io::Result<Filters> {
        Filters::from_now_on(&self.directory.path().join("envoy.log"))
    }

    /// Whether Envoy has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks Envoy to stop, and makes it if it does not within five seconds.
    pub async fn stop(mut self) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            // The child has not been waited for, so the id is still its own.
            if !self.has_ended() && kill(Pid::from_raw(id), Signal::SIGTERM).is_ok() {
                let asked = Instant::now();
                while asked.elapsed() < STOP && !self.has_ended() {
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both are harmless for a child that has ended and has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `command` so that the kernel ends it with this process, whatever ends this process.
///
/// The kernel ties a child to the *thread* that forked it, so that thread must not end before; it waits for the sender to go.
fn spawn(mut command: Command) -> io::Result<(Child, mpsc::Sender<()>)> {
    // A group of its own: ctrl-C at a terminal is for this process, which then stops Envoy in good order.
    command.process_group(0);
    let parent = nix::unistd::getpid();
    // SAFETY: between fork and exec, prctl and getppid are async-signal-safe and allocate nothing.
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            if nix::unistd::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        });
    }
    let (starter, until_dropped) = mpsc::channel::<()>();
    let (sender, child) = mpsc::channel();
    thread::Builder::new().name("envoy's starter".into()).spawn(move || {
        let _ = sender.send(command.spawn());
        let _ = until_dropped.recv();
    })?;
    let child = child.recv().map_err(io::Error::other)??;
    Ok((child, starter))
}
