// Explain: a write, a node, a message; the checker, and the contract's cell.

import assert from 'node:assert/strict';

import { inLab } from '../tests.js';

inLab('a lost write tells its life, a line an event, and each line leads there', async (lab) => {
  await lab.page.keyboard.press('End');
  await lab.page.locator('#logs td.ghost').first().waitFor({ state: 'attached' }).catch(() => undefined);
  const { x, y } = await lab.at(8.6);
  await lab.page.mouse.click(x, y);
  await lab.page.locator('#logs td.ghost').first().click();
  const lines = await lab.page.locator('.life li').allInnerTexts();
  const said = lines.join('\n');
  assert.match(said, /the client asks[^]*accepts it[^]*has it written[^]*told yes, after [\d.]+ ms: [▁▄█·]{3}[^]*The power of all three fails[^]*index \d+ is another’s: it is lost/);
  assert.match(await lab.page.innerText('#explain .verdict'), /acknowledged, and lost/);
  const jump = lab.page.locator('.life li', { hasText: 'told yes' }).locator('button');
  const seconds = Number(await jump.innerText());
  await jump.click();
  await lab.clockIs(seconds);
  console.log(`# the life of a lost write has ${lines.length} lines`);
});

inLab('a write that nobody acknowledged is not called lost', async (lab) => {
  const { x, y } = await lab.at(5.7);
  await lab.page.mouse.click(x, y);
  await lab.page.locator('#stage .asked.waiting, #stage .asked.refused').last().click();
  assert.match(await lab.page.innerText('#explain .verdict'), /never acknowledged/);
  assert.doesNotMatch(await lab.page.innerText('#explain'), /is lost|told yes/);
});

inLab('what is counted as lost was acknowledged, in every world and for every fault', async (lab) => {
  let lost = 0;
  for (const label of ['power: all nodes', 'cut off: the leader', 'kill: all processes']) {
    await lab.act('kind').selectOption({ label });
    await lab.hash();
    for (let at = 0; at < 4; at++) {
      await lab.page.locator('.lane-label').nth(at).click();
      await lab.page.keyboard.press('End');
      await lab.clockIs(12);
      const ghosts = lab.page.locator('#logs td.ghost');
      const count = Math.min(2, await ghosts.count());
      for (let ghost = 0; ghost < count; ghost++) {
        await ghosts.nth(ghost).click();
        assert.match(await lab.page.innerText('.life'), /the client is told yes/);
        lost += 1;
      }
      // And a chip that says yes has an answer behind it.
      const told = lab.page.locator('#stage .asked.told, #stage .asked.kept').last();
      if ((await told.count()) > 0) {
        await told.click();
        assert.match(await lab.page.innerText('.life'), /the client is told yes/);
      }
    }
  }
  console.log(`# ${lost} ghosts were looked at: each was acknowledged`);
});

inLab('a node says what it does and what it waits for; its words are explained', async (lab) => {
  await lab.page.locator('#stage .case').first().click({ position: { x: 60, y: 12 } });
  await lab.page.locator('#explain h3', { hasText: 'Node 1' }).waitFor();
  assert.match(await lab.page.innerText('#explain'), /log through \d+: written through \d+, synced through \d+/);
  await lab.page.locator('#explain [data-action="word"]', { hasText: 'synced' }).first().click();
  assert.match(await lab.page.innerText('#explain'), /The disk has it\. It outlives the power\./);
});

inLab('a message under way says what it says', async (lab) => {
  const message = lab.page.locator('#stage .flight.append, #stage .flight.reply, #stage .flight.beat').first();
  await message.waitFor({ state: 'attached' });
  await message.dispatchEvent('click');
  assert.match(await lab.page.innerText('#explain'), /Message from node \d to node \d[^]*“.*”[^]*sent [\d.]+ s, arrives [\d.]+ s/);
});

inLab('the contract’s cell is lit: may lose where something was lost, survives where all was kept', async (lab) => {
  const lit = async (kind) => lab.page.locator(`#contract td[data-lit="${kind}"]`).evaluateAll((cells) => cells.map((cell) => [cell.parentElement.rowIndex, cell.cellIndex, cell.textContent]));
  const [none] = await lit('LOST');
  assert.deepEqual(none.slice(0, 2), [4, 5], 'SYNC, written, when all lose power');
  assert.match(none[2], /^\d+ lost$/);
  await lab.page.locator('.lane-label').nth(3).click();
  await lab.page.locator('#contract td[data-lit="KEPT"]').waitFor();
  const [commit] = await lit('KEPT');
  assert.deepEqual(commit.slice(0, 2), [5, 5], 'SYNC, synced, when all lose power');
  assert.equal((await lit('LOST')).length, 0);
  assert.match(await lab.page.innerText('#checker'), /12 oracles .* none objects/);
});

inLab('catch the liar: nothing is said until the power fails, and then the checker objects in red', async (lab) => {
  await lab.page.click('#stories-box summary');
  await lab.act('challenge-liar').click();
  await lab.page.locator('.outcome[data-won="NO"]').waitFor();
  assert.match((await lab.results())[0], /all \d+ kept/);
  await lab.act('add').click();
  await lab.act('kind').selectOption({ label: 'power: all nodes' });
  await lab.page.locator('.outcome[data-won="YES"]').waitFor();
  assert.match((await lab.results())[0], /promise broken/);
  assert.equal(await lab.page.getAttribute('#verdict', 'data-verdict'), 'BROKEN');
});

inLab('lose a SYNC · COMMIT write: nobody has', async (lab) => {
  await lab.page.click('#stories-box summary');
  await lab.act('challenge-lose').click();
  await lab.page.locator('.outcome[data-won="NO"]').waitFor();
  let tried = 0;
  for (const label of await lab.act('kind').locator('option').allInnerTexts()) {
    await lab.act('kind').selectOption({ label });
    await lab.hash();
    assert.equal(await lab.page.getAttribute('.outcome', 'data-won'), 'NO', label);
    tried += 1;
  }
  console.log(`# ${tried} kinds of fault, and no SYNC · COMMIT write is lost`);
});
