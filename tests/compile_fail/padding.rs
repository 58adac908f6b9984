#[stridedb::record]
#[derive(Clone, Copy)]
struct Sample {
    channel: u32,
    value: f64,
}

fn main() {}
