#[stridedb::record]
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Sample {
    channel: u32,
    value: f64,
}

fn main() {}
