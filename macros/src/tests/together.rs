//! Expansions of functions with several attributes and every argument, formatted.
//!
//! `UPDATE_EXPECT=1 cargo test -p headcount-macros` updates what is expected.

#![expect(clippy::needless_raw_string_hashes, reason = "so they are written by `UPDATE_EXPECT`")]
#![expect(clippy::too_many_lines, reason = "an expansion is as long as it is")]

use expect_test::expect;
use quote::quote;

use crate::attributes::combine;

use super::print::print;

#[test]
fn the_fullest_form() {
    let item = quote!(
        fn run(job: &Job, tenant: &str) -> Outcome {
            job.run(tenant)
        }
    );
    let entries = quote!(
        counted(
            name = "jobs_total",
            help = "Jobs run.",
            labels(queue = job.queue(), tenant, kind = "batch", size = job.a + job.b),
            outcome,
            error_if = |outcome| outcome.failed(),
            crate = my::headcount
        ),
        timed(name = "job_seconds", buckets = [0.01, 1, 10], unit = "seconds"),
        timed(
            name = "job_tenant_seconds",
            buckets = BOUNDS,
            labels(tenant),
            outcome,
            error_if = |outcome| outcome.failed()
        ),
        in_progress(name = "jobs_running", labels(tenant)),
        count_exceptions(name = "job_crashes_total")
    );
    expect![[r#"
        fn run(job: &Job, tenant: &str) -> Outcome {
            {
                if false {
                    my::headcount::__private::plain(
                        (&my::headcount::__private::Probe::<Outcome>::NEW).kind(),
                    )
                }
                let (__call_0, __call_1) = {
                    let (__sites, __nanos_1, __nanos_2) = {
                        static __NANOS_1: [my::headcount::__private::u64; 3] = my::headcount::__private::nanos(
                            &[0.01, 1.0, 10.0],
                        );
                        static __NANOS_2: [my::headcount::__private::u64; BOUNDS.len()] = my::headcount::__private::nanos(
                            &BOUNDS,
                        );
                        static __SLOTS: [my::headcount::__private::Slot; 5] = [my::headcount::__private::Slot::NEW; 5];
                        static __SITES: [my::headcount::__private::Site; 5] = [
                            my::headcount::__private::Site::metric(
                                &__SLOTS[0],
                                my::headcount::__private::Descriptor::new(
                                        my::headcount::__private::Kind::Calls,
                                        "jobs_total",
                                        "Jobs run.",
                                        my::headcount::__private::file!(),
                                        my::headcount::__private::line!(),
                                    )
                                    .labels(
                                        &[
                                            my::headcount::__private::Label::Open("queue"),
                                            my::headcount::__private::Label::Open("tenant"),
                                            my::headcount::__private::Label::Const("kind", "batch"),
                                            my::headcount::__private::Label::Open("size"),
                                        ],
                                    )
                                    .outcome(),
                            ),
                            my::headcount::__private::Site::metric(
                                &__SLOTS[1],
                                my::headcount::__private::Descriptor::new(
                                        my::headcount::__private::Kind::Durations,
                                        "job_seconds",
                                        my::headcount::__private::concat!(
                                            "Duration of calls of `",
                                            my::headcount::__private::module_path!(), "::run`."
                                        ),
                                        my::headcount::__private::file!(),
                                        my::headcount::__private::line!(),
                                    )
                                    .generated_help()
                                    .unit("seconds")
                                    .nanos(&__NANOS_1),
                            ),
                            my::headcount::__private::Site::metric(
                                &__SLOTS[2],
                                my::headcount::__private::Descriptor::new(
                                        my::headcount::__private::Kind::Durations,
                                        "job_tenant_seconds",
                                        my::headcount::__private::concat!(
                                            "Duration of calls of `",
                                            my::headcount::__private::module_path!(), "::run`."
                                        ),
                                        my::headcount::__private::file!(),
                                        my::headcount::__private::line!(),
                                    )
                                    .generated_help()
                                    .labels(&[my::headcount::__private::Label::Open("tenant")])
                                    .outcome()
                                    .nanos(&__NANOS_2),
                            ),
                            my::headcount::__private::Site::metric(
                                &__SLOTS[3],
                                my::headcount::__private::Descriptor::new(
                                        my::headcount::__private::Kind::InProgress,
                                        "jobs_running",
                                        my::headcount::__private::concat!(
                                            "Calls in progress of `",
                                            my::headcount::__private::module_path!(), "::run`."
                                        ),
                                        my::headcount::__private::file!(),
                                        my::headcount::__private::line!(),
                                    )
                                    .generated_help()
                                    .labels(&[my::headcount::__private::Label::Open("tenant")]),
                            ),
                            my::headcount::__private::Site::metric(
                                &__SLOTS[4],
                                my::headcount::__private::Descriptor::new(
                                        my::headcount::__private::Kind::Exceptions,
                                        "job_crashes_total",
                                        my::headcount::__private::concat!(
                                            "Errors and panics of `",
                                            my::headcount::__private::module_path!(), "::run`."
                                        ),
                                        my::headcount::__private::file!(),
                                        my::headcount::__private::line!(),
                                    )
                                    .generated_help(),
                            ),
                        ];
                        my::headcount::__private::inventory::submit! {
                            my::headcount::__private::Sites(& __SITES)
                        }
                        (&__SITES, &__NANOS_1, &__NANOS_2)
                    };
                    (
                        my::headcount::__private::enter((
                            my::headcount::__private::Outcomes({
                                let __label_0 = &job.queue();
                                let __label_1 = &tenant;
                                let __label_2 = &(job.a + job.b);
                                __sites[0].row((__label_0, __label_1, __label_2))
                            }),
                            my::headcount::__private::Durations(__sites[1].slot(), __nanos_1),
                            my::headcount::__private::OutcomeDurations(
                                {
                                    let __label_0 = &tenant;
                                    __sites[2].row((__label_0,))
                                },
                                __nanos_2,
                            ),
                            my::headcount::__private::InProgress({
                                let __label_0 = &tenant;
                                __sites[3].row((__label_0,))
                            }),
                        )),
                        my::headcount::__private::enter(
                            my::headcount::__private::Exceptions::<96>(__sites[4].slot()),
                        ),
                    )
                };
                #[allow(clippy::result_large_err)]
                let __out = my::headcount::__private::call_once(move || -> my::headcount::__private::Same<
                    Outcome,
                > {
                    job.run(tenant)
                });
                __call_1.end(my::headcount::__private::Out(&__out).outcome());
                __call_0
                    .end(my::headcount::__private::error_if(&__out, |outcome| outcome.failed()));
                __out
            }
        }
    "#]].assert_eq(&print(combine::finish(entries, item)));
}

#[test]
fn all_four_share_one_guard() {
    let item = quote!(
        async fn handle(request: Request) -> Result<Response, Error> {
            respond(request).await
        }
    );
    expect![[r#"
        async fn handle(request: Request) -> Result<Response, Error> {
            {
                let __ended = ::headcount::__private::ended();
                let __noted = &__ended;
                let __recorders = {
                    struct __Here;
                    static __SITE: ::headcount::__private::FunctionSite<121> = ::headcount::__private::FunctionSite::new::<
                        __Here,
                    >(&__SITE, ::headcount::__private::module_path!());
                    ::headcount::__private::inventory::submit! {
                        __SITE.sites()
                    }
                    __SITE.recorder()
                };
                let (__call, __out) = ::headcount::__private::watch_until(
                        async move {
                            {
                                if false {
                                    let __r: ::headcount::__private::Box<
                                        Result<Response, Error>,
                                    > = ::headcount::__private::never();
                                    return *__r;
                                }
                                if false {
                                    let _ = &request;
                                }
                                let __stop = ::headcount::__private::stop(__noted);
                                {
                                    respond(request).await
                                }
                            }
                        },
                        __recorders,
                        __noted,
                    )
                    .await;
                __call.end(::headcount::__private::Out(&__out).outcome());
                __out
            }
        }
    "#]]
    .assert_eq(&print(combine::finish(
        quote!(counted(), timed(outcome), in_progress(), count_exceptions()),
        item,
    )));
}
