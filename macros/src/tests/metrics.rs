//! Expansions of metrics, formatted. A changed expansion fails here.
//!
//! `UPDATE_EXPECT=1 cargo test -p headcount-macros` updates what is expected.

#![expect(clippy::needless_raw_string_hashes, reason = "so they are written by `UPDATE_EXPECT`")]
#![expect(clippy::too_many_lines, reason = "an expansion is as long as it is")]

use expect_test::expect;
use quote::quote;

use crate::attributes::metric;

use super::print::print;

#[test]
fn a_metric() {
    let item = quote!(
        /// Jobs taken
        /// from the queue.
        ///
        /// Not those that were sent back.
        pub(crate) static TAKEN: Counter;
    );
    expect![[r#"
        /// Jobs taken
        /// from the queue.
        ///
        /// Not those that were sent back.
        pub(crate) static TAKEN: Counter = {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                        ::headcount::__private::kind_of::<Counter>(),
                        "jobs_taken_total",
                        "Jobs taken from the queue.",
                        ::headcount::__private::file!(),
                        ::headcount::__private::line!(),
                    ),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            ::headcount::__private::at::<Counter>(&__SITES[0])
        };
    "#]]
    .assert_eq(&print(metric::attribute(quote!(name = "jobs_taken_total"), item)));
    let args = quote!(
        name = "answer_bytes",
        help = "Sizes.",
        unit = "bytes",
        buckets = [1, 10.5],
        crate = my::headcount
    );
    expect![[r#"
        static SIZES: Histogram = {
            static __SLOTS: [my::headcount::__private::Slot; 1] = [
                my::headcount::__private::Slot::NEW,
            ];
            static __SITES: [my::headcount::__private::Site; 1] = [
                my::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    my::headcount::__private::Descriptor::new(
                            my::headcount::__private::kind_of::<Histogram>(),
                            "answer_bytes",
                            "Sizes.",
                            my::headcount::__private::file!(),
                            my::headcount::__private::line!(),
                        )
                        .unit("bytes")
                        .bounds(&[1.0, 10.5]),
                ),
            ];
            my::headcount::__private::inventory::submit! {
                my::headcount::__private::Sites(& __SITES)
            }
            my::headcount::__private::at::<Histogram>(&__SITES[0])
        };
    "#]]
    .assert_eq(&print(metric::attribute(
        args,
        quote!(
            static SIZES: Histogram;
        ),
    )));
    let args = quote!(name = "queue_depth", help = "Waiting.", mode = "livesum");
    expect![[r#"
        static DEPTH: hc::Gauge = {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                            ::headcount::__private::kind_of::<hc::Gauge>(),
                            "queue_depth",
                            "Waiting.",
                            ::headcount::__private::file!(),
                            ::headcount::__private::line!(),
                        )
                        .mode(::headcount::__private::GaugeMode::LiveSum),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            ::headcount::__private::at::<hc::Gauge>(&__SITES[0])
        };
    "#]]
    .assert_eq(&print(metric::attribute(
        args,
        quote!(
            static DEPTH: hc::Gauge;
        ),
    )));
}

#[test]
fn an_info_a_state_set_and_constants_in_names() {
    let args = quote!(
        name = "shop_info",
        help = "The shop.",
        labels(version = env!("CARGO_PKG_VERSION"), floors = 3)
    );
    expect![[r##"
        #[used]
        static SHOP: Info = {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                            ::headcount::__private::kind_of::<Info>(),
                            "shop_info",
                            "The shop.",
                            ::headcount::__private::file!(),
                            ::headcount::__private::line!(),
                        )
                        .labels(
                            &[
                                ::headcount::__private::Label::Const(
                                    "version",
                                    env!("CARGO_PKG_VERSION"),
                                ),
                                ::headcount::__private::Label::Const("floors", "3"),
                            ],
                        ),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            ::headcount::__private::at::<Info>(&__SITES[0])
        };
    "##]]
    .assert_eq(&print(metric::attribute(
        args,
        quote!(
            static SHOP: Info;
        ),
    )));
    let args =
        quote!(namespace = "shop", name = "phase", help = "Phases.", mode = "livemostrecent");
    expect![[r#"
        fn phase(floor: u8) -> StateSet<Phase> {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                            ::headcount::__private::kind_of::<StateSet<Phase>>(),
                            "shop_phase",
                            "Phases.",
                            ::headcount::__private::file!(),
                            ::headcount::__private::line!(),
                        )
                        .labels(&[::headcount::__private::Label::Open("floor")])
                        .states(::headcount::__private::states_of::<StateSet<Phase>>())
                        .mode(::headcount::__private::GaugeMode::LiveMostRecent),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            let __label_0 = &floor;
            ::headcount::__private::member::<StateSet<Phase>>(&__SITES[0], (__label_0,))
        }
    "#]]
    .assert_eq(&print(metric::attribute(
        args,
        quote!(
            fn phase(floor: u8) -> StateSet<Phase>;
        ),
    )));
    let args = quote!(
        namespace = crate::NAMESPACE,
        subsystem = "till",
        name = "sold_bytes",
        help = "Sold.",
        buckets = hc::linear_buckets::<4>(0.0, 5.0)
    );
    expect![[r#"
        static SOLD: Histogram = {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                            ::headcount::__private::kind_of::<Histogram>(),
                            ::headcount::__private::name(
                                ::headcount::__private::kind_of::<Histogram>(),
                                ::headcount::__private::joined_text(const {
                                    &::headcount::__private::joined::<
                                        {
                                            ::headcount::__private::joined_len(
                                                &[crate::NAMESPACE, "till", "sold_bytes"],
                                            )
                                        },
                                    >(&[crate::NAMESPACE, "till", "sold_bytes"])
                                }),
                            ),
                            "Sold.",
                            ::headcount::__private::file!(),
                            ::headcount::__private::line!(),
                        )
                        .bounds(
                            ::headcount::__private::bounds(const {
                                &hc::linear_buckets::<4>(0.0, 5.0)
                            }),
                        ),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            ::headcount::__private::at::<Histogram>(&__SITES[0])
        };
    "#]]
    .assert_eq(&print(metric::attribute(
        args,
        quote!(
            static SOLD: Histogram;
        ),
    )));
    let args = quote!(name = "till_depth", help = "Depth.", mode = "mostrecent", labels(a = B));
    expect![[r##"
        #[used]
        static DEPTH: Renamed = {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                            ::headcount::__private::kind_of::<Renamed>(),
                            ::headcount::__private::name(
                                ::headcount::__private::kind_of::<Renamed>(),
                                "till_depth",
                            ),
                            "Depth.",
                            ::headcount::__private::file!(),
                            ::headcount::__private::line!(),
                        )
                        .labels(
                            ::headcount::__private::info_labels(
                                ::headcount::__private::kind_of::<Renamed>(),
                                &[::headcount::__private::Label::Const("a", B)],
                            ),
                        )
                        .states(::headcount::__private::states_of::<Renamed>())
                        .mode(::headcount::__private::GaugeMode::MostRecent)
                        .default_bounds(),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            ::headcount::__private::at::<Renamed>(&__SITES[0])
        };
    "##]]
    .assert_eq(&print(metric::attribute(
        args,
        quote!(
            static DEPTH: Renamed;
        ),
    )));
}
