#[stridedb::record]
#[derive(Clone, Copy)]
struct Sample {
    #[field(name = "")]
    nameless: u64,
    #[field(name = "a\tb")]
    tab: u64,
    #[field(name = value)]
    bare: u64,
    #[field(padding, name = "gap")]
    padding: [u8; 8],
}

#[stridedb::record]
#[derive(Clone, Copy)]
struct Twins {
    value: u64,
    #[field(name = "value")]
    other: u64,
    #[field(name = "last")]
    third: u64,
    last: u64,
}

fn main() {}
