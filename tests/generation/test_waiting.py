"""Jobs that wait for a lane."""

import torch

from wavegen.generation.job import Job
from wavegen.generation.waiting import JobQueue


def test_jobs_are_taken_in_order_and_the_longest_of_the_last_ones_first() -> None:
    lengths = [1, 9, 5, 7, 2, 6, 3, 8, 4]
    waiting = JobQueue((Job(torch.zeros(1, 0), n, "x") for n in lengths), 4)
    taken = []
    while found := waiting.take():
        taken.append(found)
    assert [job.length for _, job in taken[:6]] == lengths[:6]
    assert [job.length for _, job in taken[6:]] == [8, 4, 3]
    assert [lengths[index] for index, _ in taken] == [job.length for _, job in taken]
