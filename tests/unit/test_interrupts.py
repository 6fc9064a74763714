"""helpers.training.interrupts: when an interrupt is taken."""

import signal
import threading

import pytest

from helpers.training.interrupts import held_back


def interrupt():
    signal.raise_signal(signal.SIGINT)


def test_an_interrupt_waits_for_a_good_place():
    passed = []
    with pytest.raises(KeyboardInterrupt), held_back() as take:
        take()
        interrupt()
        passed.append("here")
        take()
        passed.append("not here")
    assert passed == ["here"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_end_of_the_block_is_a_good_place():
    passed = []
    with pytest.raises(KeyboardInterrupt), held_back():
        interrupt()
        passed.append("all of it")
    assert passed == ["all of it"]


def test_without_an_interrupt_nothing_happens():
    with held_back() as take:
        take()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_is_not_held_back():
    passed = []
    with pytest.raises(KeyboardInterrupt), held_back():
        interrupt()
        passed.append("after the first")
        interrupt()
        passed.append("after the second")
    assert passed == ["after the first"]


def test_an_error_of_the_block_comes_through_and_the_handler_is_back():
    with pytest.raises(OSError, match="full"), held_back():
        raise OSError("full")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_block_inside_a_block_leaves_the_place_to_the_outer():
    passed = []
    with pytest.raises(KeyboardInterrupt), held_back():
        with held_back() as take:
            interrupt()
            take()
        passed.append("after the inner")
    assert passed == ["after the inner"]


def test_who_ignores_or_handles_interrupts_goes_on_doing_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held_back() as take:
            interrupt()
            take()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_gets_no_interrupt_and_no_error():
    passed = []

    def work():
        with held_back() as take:
            take()
            passed.append("done")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert passed == ["done"]
