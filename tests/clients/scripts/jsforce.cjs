// Says the ids of objects as jsforce reads them: by REST page by page, by Bulk 2.0, and those it is told are deleted.
// Run with a JSON text: url, key, secret, objects, from, until.
const { Connection } = require('jsforce');

const asked = JSON.parse(process.argv[2]);

async function read() {
  const org = new Connection({
    instanceUrl: asked.url,
    oauth2: { clientId: asked.key, clientSecret: asked.secret, loginUrl: asked.url },
  });
  await org.authorize({ grant_type: 'client_credentials' });
  org.bulk2.pollInterval = 100;
  const told = { rest: {}, bulk: {}, deleted: {}, objects: (await org.describeGlobal()).sobjects.map((one) => one.name) };
  for (const name of asked.objects) {
    const rows = await org.query(`SELECT Id FROM ${name}`, { autoFetch: true, maxFetch: 100000 });
    told.rest[name] = rows.records.map((row) => row.Id);
    const stream = await org.bulk2.query(`SELECT Id FROM ${name}`);
    told.bulk[name] = (await stream.toArray()).map((row) => row.Id);
  }
  const gone = await org.sobject('Contact').deleted(asked.from, asked.until);
  told.deleted.Contact = gone.deletedRecords.map((row) => row.id);
  process.stdout.write(JSON.stringify(told));
}

read();
