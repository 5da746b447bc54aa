//! A file of some hundred KiB that stands for a page of hundreds of megabytes.

const BOUNDS: u16 = 998;
const LABELS: u16 = 64;

fn put_string(out: &mut Vec<u8>, text: &str) {
    out.extend(u16::try_from(text.len()).expect("short").to_le_bytes());
    out.extend(text.as_bytes());
}

/// An archive with one histogram: 998 buckets, 64 labels of 1 KiB, so many series. A series is 66
/// MB on a page.
pub fn archive(series: u32) -> Vec<u8> {
    let mut out = b"HCARC\r\n\x1a".to_vec();
    out.extend([1, 0, 0, 0]);
    out.extend(128_u32.to_le_bytes());
    // Flags, the generation, when it was written, its length (set below), segments and two counts.
    for word in [0_u64, 0, 1, 1, 0, 1, 0, 0] {
        out.extend(word.to_le_bytes());
    }
    out.extend(0_u32.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.resize(128, 0);
    // A histogram of f64.
    out.extend([3, 2, 0, 0]);
    out.extend(LABELS.to_le_bytes());
    out.extend(BOUNDS.to_le_bytes());
    out.extend(series.to_le_bytes());
    out.extend(0_u32.to_le_bytes());
    out.extend(1_u64.to_le_bytes());
    out.extend([7; 16]);
    out.extend(1_u64.to_le_bytes());
    for bound in 1..=BOUNDS {
        out.extend(f64::from(bound).to_bits().to_le_bytes());
    }
    for text in ["planted_size", "", "Planted."] {
        put_string(&mut out, text);
    }
    for label in 0..LABELS {
        put_string(&mut out, &format!("l{label:02}"));
    }
    for number in 0..series {
        out.extend(1_u64.to_le_bytes());
        out.extend(1_u32.to_le_bytes());
        for _ in 0..LABELS {
            put_string(&mut out, &format!("{number:01024}"));
        }
        out.extend(1_u64.to_le_bytes());
        out.extend(u64::MAX.to_le_bytes());
        out.extend(0_u128.to_le_bytes());
        out.extend(u32::MAX.to_le_bytes());
        for _ in 0..=BOUNDS {
            out.extend(1_u64.to_le_bytes());
        }
    }
    let len = out.len() as u64 + 16;
    out[48..56].copy_from_slice(&len.to_le_bytes());
    let crc = crc32fast::hash(&out[..124]);
    out[124..128].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32fast::hash(&out);
    out.extend(1_u64.to_le_bytes());
    out.extend(crc.to_le_bytes());
    out.extend(b"HCAE");
    out
}
