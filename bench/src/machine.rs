//! On what the figures were taken.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::rounds::Outcome;

/// Processor, memory, kernel and file system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) processors: usize,
    /// Bytes.
    pub(crate) memory_size: u64,
    pub(crate) kernel: String,
    /// The kind of the file system that the files are on, its device and where it is mounted.
    pub(crate) file_system: String,
    pub(crate) device: String,
    pub(crate) mount: String,
    /// How busy it was before the run: /proc/loadavg.
    pub(crate) load: String,
}

impl Machine {
    /// This machine, with the file system that a directory is on.
    pub(crate) fn of(directory: &Path) -> Outcome<Self> {
        let (file_system, device, mount) = file_system(directory).unwrap_or_default();
        let memory = rustix::system::sysinfo();
        Ok(Self {
            cpu: cpu().unwrap_or_default(),
            processors: std::thread::available_parallelism()?.get(),
            memory_size: memory.totalram as u64 * u64::from(memory.mem_unit),
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            file_system,
            device,
            mount,
            load: fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned(),
        })
    }

    /// Prints it.
    pub(crate) fn print(&self) {
        let Self { cpu, processors, kernel, file_system, device, mount, load, .. } = self;
        println!("cpu          {cpu} ({processors} processors)");
        println!("memory       {}", self.memory_text());
        println!("kernel       {kernel}");
        println!("file system  {file_system} on {device} at {mount}");
        println!("load         {load}");
    }

    /// How much memory it has.
    pub(crate) fn memory_text(&self) -> String {
        format!("{:.1} GiB", self.memory_size as f64 / (1_u64 << 30) as f64)
    }
}

fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(": ")?.1.to_owned())
}

/// Kind, device and place of the mount with the longest path that leads to the directory.
fn file_system(directory: &Path) -> Option<(String, String, String)> {
    let directory = fs::canonicalize(directory).ok()?;
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let fields = |line: &str| -> Option<(String, String, String)> {
        let mut fields = line.split(' ').map(str::to_owned);
        let (device, mount, kind) = (fields.next()?, fields.next()?, fields.next()?);
        Some((kind, device, mount))
    };
    let leading =
        mounts.lines().filter_map(fields).filter(|(_, _, mount)| directory.starts_with(mount));
    leading.max_by_key(|(_, _, mount)| mount.len())
}
