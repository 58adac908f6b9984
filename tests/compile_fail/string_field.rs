#[stridedb::record]
#[derive(Clone)]
struct Person {
    id: u64,
    name: String,
}

fn main() {}
