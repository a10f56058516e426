// What the page says is so: whether somebody was told yes, what is at risk, what became of a node.

import assert from 'node:assert/strict';

import { onPage } from '../tests.js';

onPage('an entry that nobody acknowledged and that is gone is not called acknowledged', async (demo) => {
  // Cut off, the leader accepts the write, and no majority hears of it.
  const cut = await demo.writeCutOff('unheard', 'SYNC', 'COMMIT');
  await demo.page.locator(`article[data-role="leader"]:not([data-node="${cut}"])`).waitFor();
  await demo.page.click('#heal');
  await demo.fate('LOST');
  const row = demo.page.locator('#writes li').first();
  assert.equal(await row.getAttribute('data-told'), 'NO');
  assert.equal(await row.locator('.fate').innerText(), 'never acknowledged, and gone');
  const told = (await demo.page.locator('#feed li').allInnerTexts()).join('\n');
  assert.doesNotMatch(told, /was acknowledged and is lost/);
  assert.equal(await demo.page.locator('.log li[data-state="LOST"]').count(), 0);
  assert.equal(await demo.page.locator('#stage .lost').count(), 0);
});

onPage('an entry that was acknowledged and is lost is said to be, as its class allows', async (demo) => {
  const leader = await demo.writeCutOff('gone', 'LEADER_ONLY', 'NONE', 'kill');
  await demo.page.click('#heal');
  await demo.said('was acknowledged and is lost, as LEADER_ONLY · NONE allows');
  assert.equal(await demo.page.locator('#writes li').first().getAttribute('data-told'), 'YES');
  await demo.press(leader, 'start');
});

onPage('what is at risk is counted beyond four hundred writes', async (demo) => {
  // Alone, the leader answers more than the page lists; and nobody is there to say what becomes of it.
  await demo.fill('risky', 'LEADER_ONLY', 'NONE');
  await demo.leader();
  await demo.page.evaluate(() => {
    const { node } = document.querySelector('article[data-role="leader"]').dataset;
    for (const { dataset } of document.querySelectorAll('article')) {
      if (dataset.node !== node) document.querySelector(`article[data-node="${dataset.node}"] [data-action="kill"]`).click();
    }
    for (let burst = 0; burst < 30; burst++) document.getElementById('burst').click();
  });
  await demo.page.waitForFunction(() => Number(/^(\d+) entries/.exec(document.getElementById('figures').textContent)?.[1]) >= 560);
  const [, most] = /^(\d+) entries/.exec(await demo.page.innerText('#figures'));
  console.log(`# ${most} entries at risk were counted`);
});

onPage('a node whose database is gone does not start on a blank one under its old number', async (demo) => {
  await demo.write('kept', 'ALL', 'COMMIT');
  await demo.answered();
  const node = ((await demo.leader()) % 3) + 1;
  await demo.press(node, 'kill');
  await demo.role(node, 'killed');
  await demo.page.evaluate(async (node) => {
    const { name } = (await indexedDB.databases()).find(({ name }) => name.endsWith(`/${node}`));
    await new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase(name);
      request.onsuccess = resolve;
      request.onerror = reject;
    });
  }, node);
  await demo.press(node, 'start');
  await demo.role(node, 'ended');
  await demo.page.locator('#notice', { hasText: `The database of node ${node} is gone` }).waitFor();
  await demo.page.reload();
  await demo.role(node, 'ended');
  await demo.leader();
  await Promise.all([demo.page.waitForEvent('load'), demo.page.click('#fresh')]);
  await demo.page.locator(`article[data-node="${node}"][data-life="RUNNING"]`).waitFor();
});

onPage('without JavaScript nothing is said to be in force', async (demo, browser) => {
  const html = await (await fetch(`${demo.server.address}live.html`)).text();
  assert.doesNotMatch(html, /zones in force/);
  assert.match(html, /<noscript>/);
  await demo.page.locator('#zones-said', { hasText: '7 zones in force' }).waitFor();
});

onPage('the newest cells of a long log are seen, from index 1000 on', async (demo) => {
  await demo.page.selectOption('#mode', 'ASYNC');
  await demo.leader();
  for (let burst = 0; burst < 52; burst++) {
    await demo.page.click('#burst');
    await demo.page.waitForFunction(() => document.querySelector('#writes li')?.dataset.answer === 'ANSWERED');
  }
  const leader = await demo.leader();
  await demo.page.waitForFunction(() => [...document.querySelectorAll('.log li')].some((cell) => Number(cell.dataset.index) > 1000));
  const [cells, out] = await demo.node(leader).locator('.log').evaluate((log) => {
    const { left, right } = log.getBoundingClientRect();
    const all = [...log.children];
    return [all.length, all.filter((cell) => cell.getBoundingClientRect().right > right + 0.5 || cell.getBoundingClientRect().left < left - 0.5 || cell.scrollWidth > cell.clientWidth + 1).length];
  });
  console.log(`# ${cells} cells from index 1000 on, ${out} of them clipped`);
  assert.equal(out, 0);
});

onPage('a new build leaves the page its files: a killed node starts again', async (demo) => {
  await demo.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await demo.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  // The server has another build now: none of the files that this page runs from.
  demo.server.update();
  await demo.page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    await registration.update();
    const fresh = registration.installing ?? registration.waiting;
    if (fresh === null) throw new Error('no new build was found');
    if (fresh.state === 'installing') await new Promise((resolve) => fresh.addEventListener('statechange', resolve));
  });
  const node = ((await demo.leader()) % 3) + 1;
  await demo.press(node, 'kill');
  await demo.role(node, 'killed');
  await demo.press(node, 'start');
  await demo.page.locator(`article[data-node="${node}"][data-life="RUNNING"]`).waitFor();
});

onPage('a second tab waits on its first screen, touches nothing, and goes on once the first has gone', async (demo, browser) => {
  await demo.write('of the first', 'ALL', 'COMMIT');
  await demo.answered();
  const page = await browser.context.newPage();
  await page.goto(`${demo.server.address}live.html?pace=quick`);
  const notice = page.locator('#notice', { hasText: 'Another tab runs this cluster' });
  await notice.waitFor();
  const box = await notice.boundingBox();
  assert(box.y + box.height < 300, 'it is on the first screen');
  assert(await page.locator('#fresh').isDisabled());
  await page.locator('#fresh').evaluate((fresh) => fresh.click());
  await demo.write('still there', 'SYNC', 'COMMIT');
  await demo.answered();
  await demo.page.goto('about:blank');
  await page.locator('article[data-role="leader"]').waitFor();
  assert(await notice.isHidden());
  await page.locator('.log li[title*="still there"]').first().waitFor();
  await page.close();
});

onPage('over plain http from another machine it says what it needs, and the lab works', async (demo, browser) => {
  const address = demo.server.address.replace('127.0.0.1', 'plain.test');
  const page = await browser.context.newPage();
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto(`${address}live.html`);
  await page.locator('#notice', { hasText: 'Live needs https, or localhost' }).waitFor();
  await page.goto(address);
  await page.locator('.lane-result[data-verdict]').nth(3).waitFor();
  await page.close();
});

onPage('a preset changes what “Write” does, and so do the questions; a line says by which rule', async (demo) => {
  const asks = demo.page.locator('#asks');
  assert.match(await asks.innerText(), /^user:7 → zone user:\* → SYNC · COMMIT: you hear when 2 of 3 disks have it$/);
  await demo.page.click('#presets [data-action="low_latency"]');
  assert.match(await asks.innerText(), /LEADER_ONLY · BATCH: you hear when the leader’s operating system has it$/);
  await demo.page.click('#write button[type=submit]');
  assert.match(await demo.answered(), /^LEADER_ONLY: written by 1 of 3/);
  for (const answer of [0, 0]) await demo.page.locator('#guide button').nth(answer).click();
  await demo.page.click('#write button[type=submit]');
  await demo.page.locator('#writes li:first-child[data-answer="ANSWERED"] .class', { hasText: 'ALL · ALWAYS' }).waitFor();
});

onPage('a story that is stuck can be stopped, and another told', async (demo) => {
  await demo.page.click('#story [data-action="sync"]');
  // Two of three are killed as it begins: nobody can lead, and it waits.
  await demo.page.evaluate(() => {
    document.querySelector('#story [data-action="next"]').click();
  });
  await demo.page.locator('#story .steps li[data-step="done"]').first().waitFor();
  await demo.page.evaluate(() => {
    for (const article of [...document.querySelectorAll('article')].slice(0, 2)) article.querySelector('[data-action="kill"]').click();
    document.querySelector('#story [data-action="next"]').click();
  });
  await demo.page.locator('#story [data-action="stop"]').click();
  await demo.page.locator('#story .outcome[data-outcome="STOPPED"]').waitFor();
  await demo.page.click('#all-start');
  await demo.leader();
  assert.match(await demo.tell('leader-only'), /^✔ As told/);
});

onPage('by keyboard the first story is a few stops away, and the focus stays on the page', async (demo) => {
  await demo.page.evaluate(() => document.body.focus());
  await demo.page.keyboard.press('Tab');
  assert.equal(await demo.page.evaluate(() => document.activeElement.textContent), 'To the stories');
  await demo.page.keyboard.press('Enter');
  let stops = 2;
  for (; stops < 10; stops++) {
    await demo.page.keyboard.press('Tab');
    if (await demo.page.evaluate(() => document.activeElement.closest('#story') !== null)) break;
  }
  console.log(`# the first story is ${stops} presses away`);
  assert(stops < 6);
  // What is pressed loses its use, and not the focus.
  for (const what of ['#guide button', 'article:nth-child(1) [data-action="kill"]']) {
    await demo.page.locator(what).first().focus();
    await demo.page.keyboard.press('Enter');
    await demo.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    assert.notEqual(await demo.page.evaluate(() => document.activeElement.tagName), 'BODY', what);
  }
});

onPage('in high contrast the legend keeps its colours, and with reduced motion messages stand still', async (demo) => {
  await demo.page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' });
  const keys = await demo.page.locator('.legend .key').evaluateAll((all) => all.map((key) => getComputedStyle(key).backgroundColor));
  assert(new Set(keys).size >= 6, `${keys}`);
  await demo.page.fill('#delay', '300');
  await demo.write('seen', 'ALL', 'COMMIT');
  const moved = await demo.page.evaluate(async () => {
    const places = new Map();
    let moved = 0;
    for (let frame = 0; frame < 20; frame++) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      document.querySelectorAll('#stage .flight').forEach((flight) => {
        const at = flight.getAttribute('transform');
        if (places.has(flight) && places.get(flight) !== at) moved += 1;
        places.set(flight, at);
      });
    }
    return [places.size, moved];
  });
  console.log(`# ${moved[0]} messages were watched, ${moved[1]} moved`);
  assert(moved[0] > 0 && moved[1] === 0, `${moved}`);
}, {}, 'ALONE');

onPage('a key that turns the direction of text is spelt out', async (demo) => {
  await demo.write('user:\u202eevil', 'SYNC', 'COMMIT');
  await demo.answered();
  assert.equal(await demo.page.locator('#writes li .key').first().innerText(), 'user:\\u{202e}evil');
  await demo.said('user:\\u{202e}evil');
  const text = await demo.page.evaluate(() => document.body.innerText);
  assert.doesNotMatch(text, /\u202e/);
});
