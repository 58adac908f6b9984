#[stridedb::record]
#[derive(Clone, Copy)]
struct Sample<T> {
    value: T,
}

fn main() {}
