#[stridedb::record]
#[derive(Clone, Copy)]
struct Sample {
    value: f64,
    #[cfg(unix)]
    inode: u64,
}

fn main() {}
