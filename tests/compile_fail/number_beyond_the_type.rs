#[stridedb::record]
#[derive(Clone, Copy)]
struct Sample {
    #[field(range = 0..=300)]
    byte: u8,
}

fn main() {}
