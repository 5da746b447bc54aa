//! What a plain body may coerce to its return type, a measured one may too.

use std::error::Error;
use std::fmt::Debug;

use headcount::{count_exceptions, counted};

#[counted(outcome)]
fn boxed(n: u8) -> Result<Box<dyn Debug>, Box<dyn Error>> {
    if n == 0 {
        return Err("none".into());
    }
    Ok(Box::new("1".parse::<u8>()?))
}

#[counted(outcome)]
async fn boxed_later(n: u8) -> Result<Box<dyn Debug>, Box<dyn Error>> {
    if n == 0 {
        return Err("none".into());
    }
    Ok(Box::new("1".parse::<u8>()?))
}

#[count_exceptions]
fn slice(list: &Vec<u8>) -> Option<&[u8]> {
    if list.is_empty() { None } else { Some(list) }
}

#[count_exceptions]
async fn assigns_later(mut a: &str) -> usize {
    let local = String::from("x");
    if a.is_empty() {
        a = &local;
    }
    a.len()
}

#[count_exceptions]
fn entry<'a>(list: &'a mut Vec<Option<u8>>, n: usize) -> &'a mut Option<u8> {
    if n > 1 {
        return &mut list[1];
    }
    &mut list[n]
}

#[counted(outcome)]
fn returned(mut a: u8, #[cfg(any())] b: u8) -> impl std::future::Future<Output = u8> {
    a += 1;
    async move { a }
}

#[count_exceptions]
fn conditional(mut a: u8, #[cfg(any())] mut b: u8) -> u8 {
    a += 1;
    #[cfg(any())]
    {
        b += 1;
    }
    a
}

fn main() {
    drop(returned(conditional(1)));
    let _ = (boxed(0), boxed_later(1), slice(&vec![]), assigns_later(""));
    entry(&mut vec![None], 0);
}
