type Total = u128;

#[stridedb::record]
#[derive(Clone, Copy)]
struct Account {
    total: Total,
}

fn main() {}
