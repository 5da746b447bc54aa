pub(crate) mod case;
pub(crate) mod label_value;
