"""What a training's report shows of each kind of task."""

from edge_models.evaluation.results import Result
from edge_models.evaluation.task_reports import classification, multi_label, regression
from edge_models.evaluation.task_reports.report import Example, TaskReport

__all__ = ["REPORTS", "Example", "TaskReport", "report_of"]

# a kind that is not listed here cannot be trained
REPORTS: dict[str, TaskReport] = {
    report.kind: report
    for report in (
        classification.ClassificationReport(),
        regression.RegressionReport(),
        multi_label.MultiLabelReport(),
    )
}


def report_of(result: Result) -> TaskReport:
    """What shows a task's result."""
    return REPORTS[result.kind]
