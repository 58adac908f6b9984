#[stridedb::record]
#[derive(Clone, Copy)]
struct Sample {
    #[field(null = -1)]
    unsigned: u64,
    #[field(null = "none")]
    number: i64,
    #[field(null = false)]
    truth: bool,
    #[field(padding)]
    _padding: [u8; 7],
}

fn main() {}
