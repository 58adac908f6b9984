#[stridedb::record]
#[derive(Clone, Copy)]
union Bits {
    integer: u32,
    float: f32,
}

#[stridedb::record]
#[derive(Clone, Copy)]
struct Pair(u32, u32);

#[stridedb::record]
#[derive(Clone, Copy)]
struct Nothing;

#[stridedb::record]
#[derive(Clone, Copy)]
enum Shape {
    Point,
    Circle { radius: u32 },
}

#[stridedb::record(packed)]
#[derive(Clone, Copy)]
struct Sample {
    value: f64,
}

#[stridedb::record(sorted_by = "values")]
#[derive(Clone, Copy)]
struct Sorted {
    value: f64,
}

#[stridedb::record(append_only)]
#[derive(Clone, Copy)]
enum Side {
    Buy = 1,
}

fn main() {}
