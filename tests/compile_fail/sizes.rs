#[stridedb::record]
#[derive(Clone, Copy)]
struct Empty {
    value: u32,
    nothing: [u8; 0],
}

#[stridedb::record]
#[derive(Clone, Copy)]
struct Huge {
    values: [f64; 131_073],
}

fn main() {}
