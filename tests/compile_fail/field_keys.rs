#[stridedb::record]
#[derive(Clone, Copy)]
struct Sample {
    #[field(units = "ns")]
    unknown: u64,
    #[field(unit = "ns", unit = "s")]
    twice: u64,
    #[field(kind = "date")]
    kind: u64,
    #[field(kind = "timestamp", unit = "ft")]
    unit_of_time: u64,
    #[field(scale = 0)]
    scale: u64,
    #[field(range = 0..10)]
    range: u64,
    #[field(padding)]
    padding: u64,
    #[field(padding, unit = "s")]
    meaningful_padding: [u8; 8],
    #[field(kind = "timestamp", unit = "s", scale = 10)]
    scaled_time: u64,
    #[field(unit = "")]
    no_unit: u64,
    #[field(null = 0)]
    bytes: [u8; 8],
}

fn main() {}
