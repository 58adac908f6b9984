#[derive(Clone, Copy)]
struct Point {
    x: u32,
    y: u32,
}

#[stridedb::record]
#[derive(Clone, Copy)]
struct Line {
    start: Point,
    end: [u8; 8],
}

fn main() {}
