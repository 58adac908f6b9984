#[stridedb::record]
#[derive(Clone, Copy)]
struct Sample {
    #[field(scale = 0.01)]
    float: f64,
    #[field(kind = "timestamp", unit = "s")]
    text: stridedb::Text<8>,
    #[field(range = "a"..="b")]
    name: stridedb::Text<8>,
}

fn main() {}
