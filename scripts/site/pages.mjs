/** Pages outside of docs. */
export const OTHERS = [
  'README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'clients/python/README.md', 'test/data/README.md',
  'research/engines/model/README.md',
]
