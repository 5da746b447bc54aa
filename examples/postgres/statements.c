/*
 * What Postgres calls: hooks and a function of SQL. It calls src/lib.rs, which counts.
 *
 * Postgres reports an error by longjmp, from anywhere in its own code and at any depth. Only frames
 * of C are on the stack then: the functions in Rust are called before and after Postgres' code,
 * never around it.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

/* As `Kind` in src/lib.rs. */
typedef enum { SELECT, INSERT, UPDATE, DELETE, UTILITY, OTHER } statement_kind;

extern bool statements_init(const char *directory);
extern void statement_begins(statement_kind kind);
extern void statement_ends(statement_kind kind, double seconds, uint64 rows, bool failed);
extern char *statements_page(void);
extern void statements_free(char *page);

static char *directory;
static ExecutorRun_hook_type next_run;
static ProcessUtility_hook_type next_utility;

/* How many statements this process is in: what a function or a DO block executes is part of one. */
static int depth;

typedef struct {
    statement_kind kind;
    instr_time start;
    bool counts;
} statement;

static statement
begin(statement_kind kind)
{
    statement this = {.kind = kind};

    /* Of a parallel query the leader's part is counted. */
    this.counts = depth == 0 && !IsParallelWorker();
    if (this.counts) {
        INSTR_TIME_SET_CURRENT(this.start);
        statement_begins(kind);
    }
    depth++;
    return this;
}

static void
end(const statement *this, uint64 rows, bool failed)
{
    instr_time time;

    depth--;
    if (!this->counts)
        return;
    INSTR_TIME_SET_CURRENT(time);
    INSTR_TIME_SUBTRACT(time, this->start);
    statement_ends(this->kind, INSTR_TIME_GET_DOUBLE(time), rows, failed);
}

static statement_kind
kind_of(CmdType operation)
{
    switch (operation) {
        case CMD_SELECT:
            return SELECT;
        case CMD_INSERT:
            return INSERT;
        case CMD_UPDATE:
            return UPDATE;
        case CMD_DELETE:
            return DELETE;
        default:
            return OTHER;
    }
}

static void
run(QueryDesc *query, ScanDirection direction, uint64 count, bool once)
{
    statement this = begin(kind_of(query->operation));

    PG_TRY();
    {
        if (next_run)
            next_run(query, direction, count, once);
        else
            standard_ExecutorRun(query, direction, count, once);
    }
    PG_CATCH();
    {
        end(&this, 0, true);
        PG_RE_THROW();
    }
    PG_END_TRY();
    end(&this, query->estate->es_processed, false);
}

static void
utility(PlannedStmt *plan, const char *text, bool read_only, ProcessUtilityContext context,
        ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *receiver,
        QueryCompletion *completion)
{
    statement this = begin(UTILITY);

    PG_TRY();
    {
        (next_utility ? next_utility : standard_ProcessUtility)(
            plan, text, read_only, context, parameters, environment, receiver, completion);
    }
    PG_CATCH();
    {
        end(&this, 0, true);
        PG_RE_THROW();
    }
    PG_END_TRY();
    end(&this, 0, false);
}

/* CREATE FUNCTION headcount_page() RETURNS text: what all processes have counted. */
PG_FUNCTION_INFO_V1(headcount_page);

Datum
headcount_page(PG_FUNCTION_ARGS)
{
    char *page = statements_page();
    text *result = NULL;

    if (page == NULL)
        ereport(ERROR, errmsg("the directory of the counts can't be read"));
    /* The copy may fail for lack of memory. */
    PG_TRY();
    {
        result = cstring_to_text(pg_any_to_server(page, strlen(page), PG_UTF8));
    }
    PG_FINALLY();
    {
        statements_free(page);
    }
    PG_END_TRY();
    PG_RETURN_TEXT_P(result);
}

void _PG_init(void);

void
_PG_init(void)
{
    if (!process_shared_preload_libraries_in_progress)
        ereport(ERROR, errmsg("\"statements\" must be in shared_preload_libraries"));
    DefineCustomStringVariable("statements.directory", "Where the processes count.",
                               "Empty: where HEADCOUNT_DIR says.", &directory, "",
                               PGC_POSTMASTER, 0, NULL, NULL, NULL);
    if (!statements_init(directory[0] == '\0' ? NULL : directory))
        ereport(ERROR, errmsg("no counts can be shared in \"%s\"", directory));
    next_run = ExecutorRun_hook;
    ExecutorRun_hook = run;
    next_utility = ProcessUtility_hook;
    ProcessUtility_hook = utility;
}
