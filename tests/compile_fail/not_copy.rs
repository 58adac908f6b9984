#[stridedb::record]
#[derive(Clone)]
struct Sample {
    value: f64,
}

#[stridedb::record]
enum Side {
    Buy,
    Sell,
}

fn main() {}
