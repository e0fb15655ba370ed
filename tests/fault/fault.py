#!/usr/bin/env python3
"""Kill -9 and power cuts under traffic: nothing lost, nothing doubled, both sides agree.

Every round sends messages between all participants, kills processes at random moments (from outside, or at a chosen system
call through the preloaded shim), plays power cuts, sends concurrent copies and a hostile envelope straight to an access
point, lets everything come up again, and then compares what senders were told with what stands in the inboxes.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from pgworld import PostgresWorld, database_outage  # noqa: E402
from world import NORRBY, PAIRS, REGION, SHIM, SODERBY, Foreign, Sender, Violation, World, transfer_lines, wait_for  # noqa: E402


def one_round(world, foreign, chance, settle, strikes):
    deadline = time.monotonic() + settle
    senders = [Sender(world.federation, pair, deadline) for pair in chance.sample(PAIRS, 4 if strikes <= 5 else 6)]
    calm = threading.Event()

    def chaos():
        for _ in range(chance.randint(2, strikes)):
            if calm.wait(chance.uniform(0.02, 0.5)):
                return
            name = chance.choice(world.victims)
            world.strike(chance, name, kill_at=chance.randint(5, 600) if chance.random() < 0.5 else 0)

    with concurrent.futures.ThreadPoolExecutor(len(senders) + 1) as pool:
        waiting = [pool.submit(sender) for sender in senders]
        storm = pool.submit(chaos)
        storm.result()
        # Processes that were told to die at a later call are started again without that order.
        world.settle_processes(chance)
        world.start_all()
        for future in waiting:
            future.result()

    for sender in senders:
        if not sender.acknowledged:
            raise Violation(f"{sender.message_id} could not be handed over within {settle} s")
        final = world.federation.wait_final(sender.pair[0], sender.message_id, max(10, deadline - time.monotonic()))
        if not final or final["status"] != "ACCEPTED":
            raise Violation(f"{sender.message_id} {sender.pair}: taken, but ends as {json.dumps(final)}")
    copies = foreign.copies(6)
    hostile = foreign.hostile()
    wait_for(lambda: any(m["messageId"] == copies for m in world.federation.inbox(REGION)), 30, lambda: f"{copies}: acknowledged copies never reached the inbox")
    for sender in senders:
        # ACCEPTED at the sender, so it must stand in the inbox, once, when its receipt has its transport receipt.
        wait_for(lambda s=sender: sum(m["messageId"] == s.message_id for m in world.federation.inbox(s.pair[1])) == 1, 30,
                 lambda s=sender: f"{s.message_id} {s.pair}: ACCEPTED, but stands {sum(m['messageId'] == s.message_id for m in world.federation.inbox(s.pair[1]))} times in the inbox")
        foreign.agree(sender.pair, sender.message_id)
    wait_for(lambda: transfer_lines(world, "mt-region", hostile), 30, f"{hostile}: the message service says nothing about a broken signature")
    wait_for(lambda: any(line["event"] == "mt.answered_rejected" and line["cause"] == "XHE-04" for line in transfer_lines(world, "mt-region", hostile)), 20,
             lambda: f"{hostile}: signature broken and undecryptable: REJECTED/SIG was due (signature before decryption), got {transfer_lines(world, 'mt-region', hostile)}")
    stored = [event for event in foreign.events(REGION, xheId=copies) if event["event"] == "as4.received"]
    if len(stored) != 1:
        raise Violation(f"{copies}: {len(stored)} deliveries of one message: {json.dumps(stored)}")
    return [sender.message_id for sender in senders] + [copies]


def check_whole(world, everything):
    """After all rounds: every inbox holds every message exactly once and nothing else."""
    for participant in (NORRBY, SODERBY, REGION):
        ids = [m["messageId"] for m in world.federation.inbox(participant)]
        if len(ids) != len(set(ids)):
            raise Violation(f"{participant} has doubled messages")
        strangers = set(ids) - everything
        if strangers:
            raise Violation(f"{participant} has messages nobody sent: {strangers}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--kills", type=int, default=0, help="rounds with more kills, until there were so many")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--settle", type=int, default=90, help="seconds within which a round must come to rest")
    parser.add_argument("--plant", default="", help="for a build with planted bugs: the one to switch on")
    parser.add_argument("--postgres", action="store_true", help="both access points on PostgreSQL, two processes each")
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    print(f"seed {seed} (repeat with --seed {seed})", flush=True)
    chance = random.Random(seed)
    if not SHIM.exists():
        sys.exit(f"{SHIM} is missing: without it there is no power cut; build it with './run fault'")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="budkavle-fault-"))
    environment = {**os.environ, **({"BUDKAVLE_PLANT": options.plant} if options.plant else {})}
    world = (PostgresWorld if options.postgres else World)(folder / "data", environment)
    (folder / "foreign").mkdir()
    passed, everything, status = 0, set(), 1
    try:
        world.start_all()
        foreign = Foreign(world, folder / "foreign")
        if options.postgres:
            everything |= database_outage(world, foreign)
            print("database outage: refused with 503, said so, delivered once when it was back", flush=True)
        rounds = range(1, options.rounds + 1) if not options.kills else iter(lambda: world.kills < options.kills and passed + 1, False)
        for number in rounds:
            started = time.monotonic()
            everything |= set(one_round(world, foreign, chance, options.settle, strikes=12 if options.kills else 5))
            passed += 1
            print(f"round {number}{'' if options.kills else f'/{options.rounds}'}: clean in {time.monotonic() - started:.1f} s ({world.kills} kills, {world.cuts} power cuts, {world.undone} writes taken back so far)", flush=True)
        check_whole(world, everything)
        print(f"{world.kills} kills and {world.cuts} power cuts ({world.undone} writes taken back) in {passed} rounds; {len(everything)} messages, each delivered once{world.also()}", flush=True)
        if world.cuts >= 5 and world.undone == 0:
            raise Violation("power cuts took nothing back: the shim was not at work, so nothing was proven")
        status = 0
    except Violation as violation:
        print(f"VIOLATION in round {passed + 1}, seed {seed}: {violation}", flush=True)
    finally:
        world.stop_all()
        if status == 0 and not options.keep:
            shutil.rmtree(folder)
        else:
            print(f"data kept in {folder}")
    print(f"{passed} passed, {status} failed")
    return status


if __name__ == "__main__":
    sys.exit(main())
