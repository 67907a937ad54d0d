"""`most`: find the most frequent of three letters. The answer is often plain before the letters are counted.

Problems differ in how close the race is, so the moment from which stopping is safe differs from one to the next.
"""

from random import Random

from reasoner.tasks.task import Problem, Segment, Task, repeat_until_agreed

LETTERS = "abc"
GROUP_SIZE = 5
SLIP_RATE = 0.03
NOTICED_RATE = 0.6
EXTRA_LOOK_RATE = 0.3


def pose(rng: Random) -> Problem:
    """Poses a problem such as `most 1 abcab 2 ccaba ...` (four to seven groups of five letters, one clear winner)."""
    while True:
        weights = [rng.gammavariate(6, 1) for _ in LETTERS]
        letters = rng.choices(LETTERS, weights, k=GROUP_SIZE * rng.randint(4, 7))
        totals = sorted(((letters.count(letter), letter) for letter in LETTERS), reverse=True)
        if totals[0][0] > totals[1][0]:
            break
    groups = ["".join(letters[start : start + GROUP_SIZE]) for start in range(0, len(letters), GROUP_SIZE)]
    return Problem("most " + " ".join(f"{number} {group}" for number, group in enumerate(groups, 1)), totals[0][1])


def think(rng: Random, problem: Problem) -> list[Segment]:
    """Counts twice or three times, with running totals after each group."""
    groups = problem.prompt.split()[2::2]
    segments: list[Segment] = []

    def count(number: int) -> str:
        totals = dict.fromkeys(LETTERS, 0)
        text = "" if number == 0 else "again "
        for position, group in enumerate(groups, 1):
            text += f"{position} {group} "
            for letter in LETTERS:
                total = totals[letter] + group.count(letter)
                if rng.random() < SLIP_RATE:
                    slip = max(0, total + rng.choice((-1, 1)))
                    if rng.random() < NOTICED_RATE:
                        text += f"{letter}{slip} no "
                    else:
                        total = slip
                totals[letter] = total
                text += f"{letter}{total} "
        result = max(LETTERS, key=lambda letter: totals[letter])
        segments.append(Segment(f"{text}so {result}\n"))
        return result

    repeat_until_agreed(count, rng.random() < EXTRA_LOOK_RATE)
    return segments


TASK = Task("most", pose, think)
