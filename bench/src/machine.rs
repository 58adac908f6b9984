//! On what the figures were taken.

use std::fs;
use std::path::Path;

use crate::rounds::Outcome;

/// Prints processor, kernel and file system.
pub(crate) fn print(directory: &Path) -> Outcome {
    let uname = rustix::system::uname();
    let processors = std::thread::available_parallelism()?;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("cpu          {} ({processors} processors)", cpu().unwrap_or_default());
    println!("kernel       {}", uname.release().to_string_lossy());
    println!("file system  {}", file_system(directory).unwrap_or_default());
    println!("load         {}", load.trim());
    Ok(())
}

fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(": ")?.1.to_owned())
}

/// The kind of the mount with the longest path that leads to the directory.
fn file_system(directory: &Path) -> Option<String> {
    let directory = fs::canonicalize(directory).ok()?;
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let fields = |line: &str| -> Option<(String, String, String)> {
        let mut fields = line.split(' ').map(str::to_owned);
        Some((fields.next()?, fields.next()?, fields.next()?))
    };
    let leading = mounts.lines().filter_map(fields).filter(|(_, to, _)| directory.starts_with(to));
    let (device, to, kind) = leading.max_by_key(|(_, to, _)| to.len())?;
    Some(format!("{kind} on {device} at {to}"))
}
