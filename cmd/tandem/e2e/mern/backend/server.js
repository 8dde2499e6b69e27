// The back end of a chat app as MERN apps have it: accounts in MongoDB, a JWT in
// a cookie, and the built front end. Messages, calls and sockets are not here.
import path from 'node:path';
import cookieParser from 'cookie-parser';
import express from 'express';
import mongoose from 'mongoose';
import auth, { protect } from './auth.js';
import User from './user.model.js';

const app = express();
app.use((req, res, next) => {
  console.log(req.method, req.path);
  next();
});
app.use(express.json());
app.use(cookieParser());

app.use('/api/auth', auth);

app.get('/api/user/getothers', protect, async (req, res) => {
  const users = await User.find({ _id: { $ne: req.user._id } }).select('fullName username gender profilePic');
  res.json(users);
});

app.get('/avatar/:name', (req, res) => {
  const letter = req.params.name[0].toUpperCase().replace(/[^A-Z]/, '?');
  const hue = [...req.params.name].reduce((sum, c) => sum + 47 * c.charCodeAt(0), 0) % 360;
  res.type('svg').send(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" fill="hsl(${hue} 55% 45%)"/>` +
      `<text x="20" y="27" font-size="20" text-anchor="middle" fill="#fff" font-family="sans-serif">${letter}</text></svg>`,
  );
});

const dist = path.resolve(process.env.DIST);
app.use(express.static(dist));
app.get('/{*rest}', (req, res) => {
  if (req.path.startsWith('/api/')) return res.status(404).json({ error: 'Not found' });
  res.sendFile(path.join(dist, 'index.html'));
});

app.use((err, req, res, next) => {
  console.error(err);
  if (res.headersSent) return next(err);
  res.status(500).json({ error: 'Internal server error' });
});

await mongoose.connect(process.env.MONGO_DB_URI);
const server = app.listen(process.env.PORT, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
