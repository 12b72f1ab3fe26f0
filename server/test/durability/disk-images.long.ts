process.env.IMAGES ??= '500';
await import('./disk-images.test.ts');
