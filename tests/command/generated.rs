/// A field of every type.
#[stridedb::record]
#[derive(Clone, Copy, Debug)]
pub struct Everything {
    /// When it was seen.
    #[field(unit = "ns", kind = "timestamp", range = 0..=9223372036854775807)]
    pub time: i64,
    #[field(unit = "USD", null = f64::NAN)]
    pub price: f64,
    #[field(null = -1.5, range = -1.5..=1.5)]
    pub ratio: f32,
    #[field(range = 0..=1000000)]
    pub quantity: u32,
    #[field(null = "")]
    pub symbol: stridedb::Text<11>,
    pub side: Side,
    pub leg: Leg,
    pub legs: [Leg; 2],
    pub key: [u8; 4],
    pub matrix: [[u16; 3]; 2],
    #[field(scale = 0.01, null = -1)]
    pub cents: stridedb::zerocopy::big_endian::I32,
    pub r#type: stridedb::zerocopy::little_endian::U128,
    pub wide: stridedb::zerocopy::big_endian::I128,
    pub factor: stridedb::zerocopy::little_endian::F64,
    pub single: stridedb::zerocopy::big_endian::F32,
    pub byte: i8,
    #[field(padding)]
    pub _padding_0: [u8; 7],
}

#[stridedb::record]
#[derive(Clone, Copy, Debug)]
pub struct Leg {
    pub small: i16,
    pub flags: [bool; 2],
}

#[allow(non_camel_case_types)]
#[stridedb::record]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Side {
    buy = 1,
    sell = 2,
}
