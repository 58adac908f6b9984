#[stridedb::record]
#[derive(Clone, Copy)]
struct Everything {
    total: u128,
    balance: i128,
    count: usize,
    difference: isize,
    letter: char,
    maybe: Option<u32>,
    name: &'static str,
    pair: (u32, u32),
    several: [String; 2],
    values: Vec<u32>,
}

fn main() {}
