#[stridedb::record]
#[derive(Clone, Copy)]
struct Sample {
    value: f64,
    channel: u16,
}

fn main() {}
